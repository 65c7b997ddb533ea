/** Waits until a condition holds, and fails with its text when the deadline passes. For what no event announces; nothing else in the tests waits for time. */
export async function until(condition: () => boolean | Promise<boolean>, deadlineMs = 15_000): Promise<void> {
  const deadline = performance.now() + deadlineMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`not within ${deadlineMs} ms: ${condition.toString()}`);
    await new Promise<void>((resolve) => setTimeout(resolve, 2));
  }
}
