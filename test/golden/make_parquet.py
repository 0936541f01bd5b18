"""Makes parquet/*.parquet: the same small columns of text in the ways that pyarrow (26.0) can write them. Run in this folder: python make_parquet.py"""
import pyarrow as pa
import pyarrow.parquet as pq

ROWS = ["", " = Robert Boulter = \n", "", " Robert Boulter is an English film , television and theatre actor . \n", "naïve 👋\n"] * 5
table = pa.table({"id": list(range(len(ROWS))), "text": ROWS})

for name, options in {
    "snappy": {},
    "gzip-groups": {"compression": "gzip", "row_group_size": 7},
    "brotli": {"compression": "brotli"},
    "zstd": {"compression": "zstd"},
    "lz4": {"compression": "lz4"},
    "plain-pages": {"compression": "none", "use_dictionary": False, "data_page_version": "2.0", "data_page_size": 64},
    "delta": {"use_dictionary": False, "column_encoding": {"text": "DELTA_BYTE_ARRAY", "id": "PLAIN"}},
}.items():
    pq.write_table(table, f"parquet/{name}.parquet", **options)
pq.write_table(pa.table({"sentence": ["no it was n't black monday", "but while the <unk> N"]}), "parquet/sentences.parquet")
pq.write_table(pa.table({"text": [1, 2]}), "parquet/numbers.parquet")
pq.write_table(pa.table({"text": [["a"], ["b", "c"]]}), "parquet/lists.parquet")
pq.write_table(pa.table({"text": ["a", None, "b"]}), "parquet/null.parquet")
pq.write_table(pa.table({"text": pa.array([], pa.string())}), "parquet/empty.parquet")
pq.write_table(pa.table({"text": pa.array([b"ok", b"\xff"], pa.binary()).view(pa.string())}), "parquet/not-utf8.parquet")
