/** What the peers encode their messages with. */
import { Packr, Unpackr } from 'msgpackr';

const packr = new Packr({ useRecords: false });
const unpackr = new Unpackr({ useRecords: false });

export const CODECS = {
  JSON: { name: 'JSON', encode: (value) => JSON.stringify(value), decode: (data) => JSON.parse(data.toString()) },
  msgpackr: { name: 'msgpackr', encode: (value) => packr.pack(value), decode: (data) => unpackr.unpack(data) },
};
