/** The task of `piscina.mjs`. */
export default (value) => value;
