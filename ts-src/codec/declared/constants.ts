/** Objects that generated code needs, such as the values of an enumeration, with the names by which it knows them. */

export class Constants {
  readonly names: string[] = [];
  readonly values: unknown[] = [];

  add(value: unknown): string {
    const name = `k${this.names.length}`;
    this.names.push(name);
    this.values.push(value);
    return name;
  }
}
