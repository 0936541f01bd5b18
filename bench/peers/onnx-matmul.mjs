// An ONNX model of one MatMul with constant weights, y[T, out] = x[T, in]·w[in, out], written as protobuf by hand:
// fields by the numbers of onnx.proto, and no dependency for a file of four messages.

const VARINT = 0;
const LENGTH_DELIMITED = 2;
const FLOAT = 1;
const IR_VERSION = 8;
const OPSET_VERSION = 17;

function varint(value) {
  const bytes = [];
  for (; value > 127; value = Math.floor(value / 128)) bytes.push((value % 128) | 128);
  return Buffer.from([...bytes, value]);
}

const integer = (number, value) => [varint((number << 3) | VARINT), varint(value)];

/** Fields are lists of buffers that are joined once, at the end: weights are large. */
function message(number, ...fields) {
  const parts = fields.flat();
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  return [varint((number << 3) | LENGTH_DELIMITED), varint(length), ...parts];
}

const text = (number, value) => message(number, [Buffer.from(value)]);

/** A dimension is a number, or a name where it may differ from call to call. */
function tensorInfo(number, name, dimensions) {
  const shape = dimensions.map((d) => message(1, typeof d === 'string' ? text(2, d) : integer(1, d)));
  return message(number, text(1, name), message(2, message(1, integer(1, FLOAT), message(2, ...shape))));
}

/** The bytes of the model; any number of tokens goes in. */
export function matmulModel(weight, rows, columns) {
  const raw = Buffer.from(weight.buffer, weight.byteOffset, weight.byteLength);
  const node = message(1, text(1, 'x'), text(1, 'w'), text(2, 'y'), text(4, 'MatMul'));
  const initializer = message(
    5,
    integer(1, columns),
    integer(1, rows),
    integer(2, FLOAT),
    text(8, 'w'),
    message(9, [raw]),
  );
  const input = tensorInfo(11, 'x', ['tokens', columns]);
  const output = tensorInfo(12, 'y', ['tokens', rows]);
  const graph = message(7, node, text(2, 'layer'), initializer, input, output);
  return Buffer.concat([integer(1, IR_VERSION), graph, message(8, text(1, ''), integer(2, OPSET_VERSION))].flat());
}
