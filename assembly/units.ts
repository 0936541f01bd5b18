// Elements of a unit of the elementwise operations.

export const ELEMENTS: i32 = 1024;
