// The columns of a token that are not 0, one after another: what a matrix by columns (columnLinear.ts) has to read for it.
//
// A list is 16 bytes, of which the first four say how many entries there are (u32), and its entries: a column (u32)
// and the number of the token there (f32), in the order of the columns. NaN is not 0; −0 is.

/** Bytes of a list before its entries. */
export const LIST_HEAD: i32 = 16;
/** Bytes of an entry. */
export const LIST_ENTRY: i32 = 8;

/** Bytes of the list of a token of so many columns. */
// @ts-ignore: decorator
@inline
export function listBytes(columns: i32): usize {
  return <usize>LIST_HEAD + <usize>columns * LIST_ENTRY;
}

/** lists[tokens] of x[tokens, columns]. A unit is a token. */
export function listColumns(x: usize, lists: usize, columns: i32, begin: i32, end: i32): void {
  for (let t = begin; t < end; t++) {
    let from = x + (<usize>t * columns << 2), list = lists + listBytes(columns) * t, at = list + LIST_HEAD;
    // Each number is written where the next entry would be, and stays there if it is one: no branch to guess wrong.
    for (let c = 0; c < columns; c++, from += 4) {
      let value = load<f32>(from);
      store<u32>(at, c);
      store<f32>(at, value, 4);
      at += <usize>(value != 0) * LIST_ENTRY;
    }
    store<u32>(list, <u32>(at - list - LIST_HEAD) / LIST_ENTRY);
  }
}
