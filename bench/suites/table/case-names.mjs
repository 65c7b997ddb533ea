/** Cases of the bare table, with what they say in the output. */
import { HOT_NAMES } from '../lookup/names.mjs';

/** Names of a list: what one call takes. */
export const LIST = 256;

export function caseNames(names) {
  const among = `among ${names.toLocaleString('en-US')}`;
  return {
    findHot: `find ${among}, ${HOT_NAMES} names`,
    findRandom: `find ${among}, random`,
    findList: `find ${among}, random, ${LIST} in a call`,
    referenceHot: `by reference ${among}, ${HOT_NAMES} agents`,
    referenceRandom: `by reference ${among}, random`,
    insert: `insert of a new name ${among}`,
    insertList: `insert of a new name ${among}, ${LIST} in a call`,
    remove: `remove ${among}, random`,
    removeList: `remove ${among}, random, ${LIST} in a call`,
    insertHot: `insert and remove ${among}, ${HOT_NAMES} names`,
  };
}
