"""Pairs of outputs that are not the same, each with a word of the reason; and pairs that are.

Each line stands for a kind of mistake: a value, a type, a name, a place, a shape, a format. None may pass.
"""

import io
import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import safetensors.numpy

from envsnap.manifest.outcome import OutputFormat
from envsnap.manifest.tolerance import Bounds, Tolerance

Content = str | bytes


@dataclass(frozen=True, slots=True)
class Pair:
    """Two contents of one output; ``word`` stands in the reason where they are not the same."""

    kind: OutputFormat
    baseline: Content
    rerun: Content
    word: str = ""
    tolerance: Mapping[str, Tolerance] = field(default_factory=dict)

    def __str__(self) -> str:
        # pytest escapes a backslash anew at each collection, and mutmut collects many times in one process.
        return f"{self.kind} {self.baseline[:40]!a} {self.rerun[:40]!a}".replace("\\", "")


def npy(array: Any, dtype: str | None = None) -> bytes:
    """Write one array."""
    stream = io.BytesIO()
    np.save(stream, np.asarray(array, dtype), allow_pickle=False)
    return stream.getvalue()


def npz(**arrays: object) -> bytes:
    """Write named arrays."""
    stream = io.BytesIO()
    np.savez(stream, **arrays)  # type: ignore[arg-type] # whatever numpy makes an array of
    return stream.getvalue()


def tensors(metadata: dict[str, str] | None = None, **arrays: object) -> bytes:
    """Write named tensors."""
    return safetensors.numpy.save({name: np.asarray(array) for name, array in arrays.items()}, metadata=metadata)


def records(key: str, values: Sequence[object], steps: Sequence[object] | None = None) -> str:
    """Write JSON Lines, one metric over its steps."""
    numbered = zip(steps or range(1, len(values) + 1), values, strict=True)
    return "".join(json.dumps({"step": step, key: value}) + "\n" for step, value in numbered)


def header_of(descr: str, shape: str = "(2,)") -> bytes:
    """Write a .npy file whose header says that."""
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    text += b" " * (63 - (10 + len(text)) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + bytes(16)


def raw_tensors(header: object, data: bytes = b"") -> bytes:
    """Write a safetensors file with this header."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


RTOL = {"*": Bounds(rtol=1e-3)}
EXACT: Mapping[str, Tolerance] = {"*": "exact"}
F32 = np.array([1.0, 2.0, 3.0], np.float32)
BIG = np.arange(10_000, dtype=np.float32)


def _with(array: Any, place: Any, value: object) -> Any:
    changed = np.array(array)
    changed[place] = value
    return changed


CORRUPTIONS: tuple[Pair, ...] = (
    # values of JSON
    Pair("json", '{"a": 0.5}', '{"a": 0.51}', "beyond"),
    Pair("json", '{"a": 0.5}', '{"a": 0.5000002}', "beyond"),
    Pair("json", '{"a": 0.1}', '{"a": 0.1000003}', "beyond"),
    Pair("json", '{"a": 0.5}', '{"a": -0.5}', "beyond"),
    Pair("json", '{"a": 1e-3}', '{"a": 1e3}', "beyond"),
    Pair("json", '{"a": 1}', '{"a": 2}', "beyond"),
    Pair("json", '{"a": 100000000}', '{"a": 100000001.0}', "beyond"),
    Pair("json", '{"a": 100000000.0}', '{"a": 100000001}', "beyond"),
    Pair("json", '{"a": [100000000, 0.5]}', '{"a": [100000001, 0.5]}', "beyond"),
    Pair("json", '{"a": 9007199254740993}', '{"a": 9007199254740992.0}', "beyond"),
    Pair("json", '{"a": 9007199254740992.0}', '{"a": 9007199254740993}', "beyond"),
    Pair("json", '{"a": 9007199254740993}', '{"a": 9007199254740992}', "beyond", {"a": "exact"}),
    Pair("json", '{"a": 1e400}', '{"a": 2e400}', "2e400"),
    Pair("json", '{"a": 1e400}', '{"a": Infinity}', "inf"),
    Pair("json", '{"a": 1e400}', '{"a": 1.0}', "1e400"),
    Pair("json", '{"a": -1e400}', '{"a": 1e400}', "1e400"),
    Pair("json", '{"a": 1e-400}', '{"a": 2e-400}', "2e-400", EXACT),
    Pair("json", '{"a": 1e-400}', '{"a": 0.0}', "0.0", EXACT),
    Pair("json", f'{{"a": 1{"0" * 400}}}', f'{{"a": 2{"0" * 400}}}', "beyond", RTOL),
    Pair("json", f'{{"a": 1{"0" * 290}e99}}', f'{{"a": 2{"0" * 290}e99}}', "e389"),
    Pair("json", f'{{"a": 0.{"0" * 290}1e-99}}', f'{{"a": 0.{"0" * 290}2e-99}}', "e-390", EXACT),
    Pair("json", '{"a": 0.5}', '{"a": NaN}', "NaN"),
    Pair("json", '{"a": NaN}', '{"a": NaN}', "NaN"),
    Pair("json", '{"a": "NaN"}', '{"a": "NaN"}', "NaN"),
    Pair("json", '{"a": 0.5}', '{"a": "NaN"}', "NaN"),
    Pair("json", '{"a": [0.5, "NaN"]}', '{"a": [0.5, "NaN"]}', "NaN"),
    Pair("json", '{"a": "nan"}', '{"a": 0.5}', "NaN"),
    Pair("json", '{"a": 0.5}', '{"a": Infinity}', "inf"),
    Pair("json", '{"a": Infinity}', '{"a": -Infinity}', "inf"),
    Pair("json", '{"a": "Infinity"}', '{"a": "-Infinity"}', "inf"),
    Pair("json", '{"a": 0.5}', '{"a": "0.5"}', "'0.5'"),
    Pair("json", '{"a": 1}', '{"a": true}', "true"),
    Pair("json", '{"a": 0}', '{"a": false}', "false"),
    Pair("json", '{"a": 0}', '{"a": null}', "null"),
    Pair("json", '{"a": null, "b": 1}', '{"a": 0, "b": 1}', "0"),
    Pair("json", '{"a": ""}', '{"a": null}', "null"),
    Pair("json", '{"a": "x"}', '{"a": "X"}', "'X'"),
    Pair("json", '{"a": "x"}', '{"a": "x "}', "'x '"),
    Pair("json", '{"a": "\u00e9"}', '{"a": "e\u0301"}', "rerun"),
    Pair("json", '{"a": 1, "b": []}', '{"a": 1, "b": {}}', "{}"),
    Pair("json", '{"a": 1, "b": []}', '{"a": 1, "b": null}', "null"),
    Pair("json", '{"a": [1, 2]}', '{"a": [2, 1]}', "beyond"),
    Pair("json", '{"a": [1, 2]}', '{"a": [1, 2, 2]}', "values"),
    Pair("json", '{"a": [1, 2]}', '{"a": [1]}', "value"),
    # structure of JSON
    Pair("json", '{"a": 1}', '{"b": 1}', "not in the"),
    Pair("json", '{"a": 1}', '{"a": 1, "b": 1}', "not in the"),
    Pair("json", '{"a": 1, "b": 1}', '{"a": 1}', "not in the"),
    Pair("json", '{"a/b": 1}', '{"a": {"b": 1}}', "a"),
    Pair("json", '{"a": {"b/c": 1}}', '{"a/b": {"c": 1}}', "a"),
    Pair("json", '{"": {"a": 1}}', '{"/a": 1}', "a"),
    Pair("json", '{"a": [[1, 2], [3]]}', '{"a": [[1], [2, 3]]}', "steps"),
    Pair("json", '{"a": [1]}', '{"a": 1}', "steps"),
    Pair("json", '{"a": [[1]]}', '{"a": [1]}', "steps"),
    Pair("json", '[{"step": 1, "l": 1}]', '{"step": 1, "l": 1}', "steps"),
    Pair("json", '{"r": [[{"step": 1, "l": 1}, {"step": 2, "l": 2}], [{"step": 3, "l": 3}]]}',
         '{"r": [[{"step": 1, "l": 1}], [{"step": 2, "l": 2}, {"step": 3, "l": 3}]]}', "steps"),
    Pair("json", '{"r": [{"epoch": 1, "l": 1}, {"epoch": 2, "l": 2}]}',
         '{"r": [{"epoch": 1, "l": 1}, {"epoch": 3, "l": 2}]}', "steps"),
    Pair("json", '{"r": [{"epoch": 1, "k": [{"step": 1, "l": 1}]}, {"epoch": 2, "k": [{"step": 2, "l": 2}]}]}',
         '{"r": [{"epoch": 1, "k": [{"step": 1, "l": 1}, {"step": 2, "l": 2}]}, {"epoch": 2, "k": []}]}', "steps"),
    Pair("json", '{"r": [{"a": 1}, {"b": 2}]}', '{"r": [{"b": 2}, {"a": 1}]}', "steps"),
    Pair("json", '{"r": [{"a": 1, "b": 1}, {"a": 2}]}', '{"r": [{"a": 1}, {"a": 2, "b": 1}]}', "steps"),
    Pair("json", '{"r": [{}, {"a": 1}]}', '{"r": [{"a": 1}, {}]}', "steps"),
    Pair("json", '{"r": [[], [1]]}', '{"r": [[1], []]}', "steps differ"),
    # files of JSON
    Pair("json", '{"a": 1}', "", "empty"),
    Pair("json", '{"a": 1}', "{", "not valid JSON"),
    Pair("json", '{"a": 1}', '{"a": 1} x', "not valid JSON"),
    Pair("json", '{"a": 1}', '{"a": 1}{"a": 1}', "not valid JSON"),
    Pair("json", '{"a": 1}', "{'a': 1}", "not valid JSON"),
    Pair("json", '{"a": 1}', '{"a": 1, "a": 1}', "twice"),
    Pair("json", '{"a": 1}', '{"a": 01}', "not valid JSON"),
    Pair("json", '{"a": 1}', b"\xff\xfe{}", "UTF-8"),
    Pair("json", '{"a": 1}', b'{"a": "\xed\xa0\x80"}', "UTF-8"),
    Pair("json", '{"a": 1}', '{"\\ud800": 1}', "no character"),
    Pair("json", '{"a": 1}', '{"a": "\\udfff"}', "no character"),
    Pair("json", '{"\\ud800": 1}', '{"\\ud800": 1}', "no character"),
    Pair("json", '{"a": 1}', "[" * 100_000, "nested"),
    Pair("json", '{"a": 1}', "[" * 70 + "1" + "]" * 70, "nested"),
    Pair("json", '{"a": 1}', f'{{"a": 1{"0" * 5000}}}', "valid JSON"),
    Pair("json", '{"a": 1}', b'\x00{"a": 1}', "not valid JSON"),
    Pair("json", "{}", "{}", "nothing was compared"),
    Pair("json", "[]", "[]", "nothing was compared"),
    Pair("json", "null", "null", "nothing was compared"),
    Pair("json", '[{"step": 1}]', '[{"step": 1}]', "nothing was compared"),
    Pair("json", '{"a": 1}', '{"a": 1}', "ignored", {"a": "ignore"}),
    # jsonl
    Pair("jsonl", records("l", [0.5, 0.4]), records("l", [0.5, 0.41]), "beyond"),
    Pair("jsonl", records("l", [0.5, 0.4]), records("l", [0.5]), "missing is step 2"),
    Pair("jsonl", records("l", [0.5, 0.4]), records("l", [0.5, 0.4, 0.3]), "steps"),
    Pair("jsonl", records("l", [0.5, 0.4]), records("l", [0.4, 0.5]), "beyond"),
    Pair("jsonl", records("l", [0.5, 0.4]), records("l", [0.5, 0.4], [1, 3]), "steps"),
    Pair("jsonl", records("l", [0.5, 0.4]), records("l", [0.4, 0.5], [2, 1]), "order"),
    Pair("jsonl", records("l", [0.5, 0.4]), records("l", [0.5, 0.4], [1, 1]), "steps"),
    Pair("jsonl", records("l", [0.5, 0.4]), records("l", [0.5, None]), "null"),
    Pair("jsonl", records("l", [0.5, 0.4]), records("m", [0.5, 0.4]), "not in the"),
    Pair("jsonl", records("l", [0.5, 0.4]), records("l", [0.5, 0.4]).replace("step", "epoch"), "step"),
    Pair("jsonl", records("l", [1, 2]), records("l", [1, 2.5]), "beyond"),
    Pair("jsonl", records("l", [5000001, 0.5]), records("l", [5000002, 0.5]), "beyond"),
    Pair("jsonl", '{"a": 1}\n{"b": 2}\n', '{"b": 2}\n{"a": 1}\n', "steps"),
    Pair("jsonl", '{"a": 1}\n{"a": 2}\n', '{"a": 1}\n{}\n{"a": 2}\n', "steps"),
    Pair("jsonl", '{"a": 1}\n{"a": 2}\n', '{"a": 1, "b": 0}\n{"a": 2}\n', "not in the"),
    Pair("jsonl", '{"a": 1}\n', '{"a": 1}\n{"a": ', "cut short"),
    Pair("jsonl", '{"a": 1}\n', "[1]\n", "not a JSON object"),
    Pair("jsonl", '{"a": 1}\n', "\n\n", "not in the rerun"),
    Pair("jsonl", "\n\n", "\n\n", "nothing was compared"),
    Pair("jsonl", '{"step": 1, "a": 1}\n', '{"step": "1", "a": 1}\n', "step"),
    Pair("jsonl", '{"step": 1, "a": 1}\n', '{"step": 1.5, "a": 1}\n', "step"),
    # csv
    Pair("csv", "a,b\n1,2\n", "a,b\n1,3\n", "beyond"),
    Pair("csv", "a,b\n1,2\n", "b,a\n1,2\n", "beyond"),
    Pair("csv", "a,b\n1,2\n", "a,c\n1,2\n", "not in the"),
    Pair("csv", "a,b\n1,2\n", "a\n1\n", "not in the"),
    Pair("csv", "a,b\n1,2\n", "a,b\n1,2\n1,2\n", "the baseline 1"),
    Pair("csv", "a,b\n1,2\n3,4\n", "a,b\n3,4\n1,2\n", "beyond"),
    Pair("csv", "a,b\n1,2\n", "a,b\n", "the rerun has 0"),
    Pair("csv", "a,b\n1,2\n", "a,b\n1\n", "cells"),
    Pair("csv", "a,b\n1,2\n", "a,b\n1,2,3\n", "cells"),
    Pair("csv", "a,b\n1,2\n", "a,a\n1,2\n", "same name"),
    Pair("csv", "a,b\n1,2\n", 'a,b\n1,"2\n', "not valid CSV"),
    Pair("csv", "a,b\n1,2\n", b"a,b\n1,\xff\n", "UTF-8"),
    Pair("csv", "a,b\n1,2\n", "a,b\n1,\x00\n", "rerun"),
    Pair("csv", "id,b\n001,2\n", "id,b\n1,2\n", "001", EXACT),
    Pair("csv", "id,b\n001,2\n", "id,b\n1,2\n", "001"),
    Pair("csv", "id,b\n1e400,2\n", "id,b\n2e400,2\n", "2e400"),
    Pair("csv", "id,b\n12e4567,2\n", "id,b\n13e4567,2\n", "1.3e4568", {"*": Bounds(rtol=1)}),
    Pair("csv", "a\n0.5\nNA\n0.25\n", "a\n0.5\nNA\n0.26\n", "beyond"),
    Pair("csv", "a\n0.5\nNA\n0.25\n", "a\n0.5\n0.1\n0.25\n", "0.1"),
    Pair("csv", "a\n0.5\nNA\nnan\n", "a\n0.5\nNA\nnan\n", "NaN"),
    Pair("csv", 'a\n0.5\n""\nnan\n', 'a\n0.5\n""\nnan\n', "NaN"),
    Pair("csv", 'a\n0.5\n""\n0.25\n', "a\n0.5\n0\n0.25\n", "0"),
    Pair("csv", "a\n0.5\nNA\n0.25\n", 'a\n0.5\n""\n0.25\n', "null"),
    Pair("csv", "a\nnan\n", "a\nnan\n", "NaN"),
    Pair("csv", "a\ncat\ndog\n", "a\ncat\nnan\n", "nan"),
    Pair("csv", "a\n0.5\n", "a\n0,5\n", "cells"),
    Pair("csv", "a\n0.5\n", "a\n0.5%\n", "0.5%"),
    Pair("csv", "a\ntrue\n", "a\nTrue\n", "True"),
    Pair("csv", "a\ntrue\n", "a\n1\n", "1"),
    Pair("csv", "step,a\n1,0.5\n2,0.4\n", "step,a\n1,0.5\n3,0.4\n", "step"),
    # npy
    Pair("npy", npy(F32), npy(_with(F32, 1, 2.001)), "beyond"),
    Pair("npy", npy(F32), npy(_with(F32, 1, np.nan)), "NaN"),
    Pair("npy", npy(F32), npy(_with(F32, 1, np.inf)), "inf"),
    Pair("npy", npy(_with(F32, 1, np.nan)), npy(_with(F32, 1, np.nan)), "NaN"),
    Pair("npy", npy(_with(F32, 1, np.inf)), npy(_with(F32, 1, -np.inf)), "inf"),
    Pair("npy", npy(F32), npy(F32.astype(np.float64)), "dtype"),
    Pair("npy", npy(F32), npy(F32.reshape(3, 1)), "shape"),
    Pair("npy", npy(F32), npy(F32[:2]), "shape"),
    Pair("npy", npy(F32), npy(F32[::-1].copy()), "beyond"),
    Pair("npy", npy(F32), npy(-F32), "beyond"),
    Pair("npy", npy(np.eye(3)), npy(np.zeros((3, 3))), "beyond"),
    Pair("npy", npy(BIG.reshape(100, 100)), npy(BIG.reshape(100, 100).T), "beyond"),
    Pair("npy", npy(BIG), npy(_with(BIG, -1, 0)), "beyond"),
    Pair("npy", npy(BIG), npy(np.roll(BIG, 1)), "beyond"),
    Pair("npy", npy([1, 2]), npy([1, 3]), "beyond"),
    Pair("npy", npy([2**53 + 1, 0]), npy([2**53, 0]), "beyond"),
    Pair("npy", npy(np.array([2**63 - 1])), npy(np.array([-(2**63)])), "beyond"),
    Pair("npy", npy([2**64 - 1], "u8"), npy([0], "u8"), "beyond"),
    Pair("npy", npy([0, 1], "u1"), npy([0, 1], "i1"), "dtype"),
    Pair("npy", npy([True, False]), npy([True, True]), "True"),
    Pair("npy", npy(["a", "b"]), npy(["a", "c"]), "c"),
    Pair("npy", npy(np.array(["2020-01-01"], "M8[D]")), npy(np.array(["2020-01-02"], "M8[D]")), "2020-01-02"),
    Pair("npy", npy([1 + 1j], "c8"), npy([1 - 1j], "c8"), "beyond"),
    Pair("npy", npy([1 + 1j], "c8"), npy([complex(1, np.nan)], "c8"), "NaN"),
    Pair("npy", npy([1.0], "f2"), npy([1.01], "f2"), "beyond"),
    Pair("npy", npy(F32), npy(F32)[:-1], "cut short"),
    Pair("npy", npy(F32), npy(F32) + b"\0", "more bytes"),
    Pair("npy", npy(F32), b"\x93NUMPY", "cut short"),
    Pair("npy", npy(F32), b"hello", "cut short"),
    Pair("npy", npy(F32), header_of("'|O'"), "pickle"),
    Pair("npy", npy(F32), header_of("'zz'"), "no .npy"),
    Pair("npy", npy(F32), header_of("[('a',)]"), "no .npy"),
    Pair("npy", npy(F32), header_of("{'a': 1}"), "no .npy"),
    Pair("npy", npy(F32), header_of("()"), "no .npy"),
    Pair("npy", npy(F32), header_of("'<f8'", "(-2,)"), "no .npy"),
    Pair("npy", npy(F32), header_of("'<f8'", "(2**70,)"), "no .npy"),
    Pair("npy", npy(F32), header_of("[('a', '<f4')]"), "cannot be compared"),
    Pair("npy", npy(F32), header_of("'|V8'"), "cannot be compared"),
    Pair("npy", npy(F32), header_of("'<f8'", "(1000000000000000,)"), "cut short"),
    Pair("npy", npy(np.zeros(0)), npy(np.zeros(0)), "nothing was compared"),
    # npz
    Pair("npz", npz(a=F32, b=F32), npz(a=F32, b=F32 + 1), "beyond"),
    Pair("npz", npz(a=F32, b=F32), npz(a=F32), "not in the"),
    Pair("npz", npz(a=F32), npz(a=F32, b=F32), "not in the"),
    Pair("npz", npz(a=F32, b=F32 + 1), npz(a=F32 + 1, b=F32), "beyond"),
    Pair("npz", npz(a=F32), npz(b=F32), "not in the"),
    Pair("npz", npz(a=F32), npz(a=F32)[:-30], "cut short"),
    Pair("npz", npz(a=F32), npy(F32), "no .npz"),
    Pair("npz", npz(a=F32), npz(a=F32).replace(F32.tobytes(), _with(F32, 0, 9).tobytes()), "no .npz"),
    # safetensors
    Pair("safetensors", tensors(w=F32), tensors(w=_with(F32, 2, 3.1)), "beyond"),
    Pair("safetensors", tensors(w=F32), tensors(v=F32), "not in the"),
    Pair("safetensors", tensors(w=F32, v=F32), tensors(w=F32), "not in the"),
    Pair("safetensors", tensors(w=F32), tensors(w=F32.reshape(1, 3)), "shape"),
    Pair("safetensors", tensors(w=F32), tensors(w=F32.astype(np.float16)), "dtype"),
    Pair("safetensors", tensors({"format": "pt"}, w=F32), tensors({"format": "np"}, w=F32), "'np'"),
    Pair("safetensors", tensors({"epoch": "1"}, w=F32), tensors(w=F32), "not in the"),
    Pair("safetensors", tensors(w=F32), tensors({"epoch": "1"}, w=F32), "not in the"),
    Pair("safetensors", tensors(w=F32), tensors(w=F32)[:-1], "cut short"),
    Pair("safetensors", tensors(w=F32), tensors(w=F32) + b"\0", "no .safetensors"),
    Pair("safetensors", tensors(w=F32),
         raw_tensors({"w": {"dtype": "F4", "shape": [2], "data_offsets": [0, 1]}}, b"\0"), "F4"),
    Pair("safetensors", tensors(w=F32), raw_tensors(b"[]"), "no .safetensors"),
    Pair("safetensors", tensors(w=F32), raw_tensors({"w": 1}), "no .safetensors"),
    Pair("safetensors", tensors(w=F32), raw_tensors(b'{"\\ud800": {}}'), "safetensors"),
    Pair("safetensors", tensors(w=F32), raw_tensors({}), "not in the"),
    Pair("safetensors", raw_tensors({}), raw_tensors({}), "nothing was compared"),
    Pair("safetensors", tensors(w=_with(F32, 0, np.nan)), tensors(w=_with(F32, 0, np.nan)), "NaN"),
)  # fmt: skip

EQUAL: tuple[Pair, ...] = (
    # json
    Pair("json", '{"a": 1}', '{"a": 1.0}'),
    Pair("json", '{"a": 0.5}', '{"a": 5e-1}'),
    Pair("json", '{"a": 1e2}', '{"a": 100}'),
    Pair("json", '{"a": 1, "b": 2}', '{"b": 2, "a": 1}'),
    Pair("json", '{"a": {"b": 1, "c": 2}}', '{"a": {"c": 2, "b": 1}}'),
    Pair("json", '{"a": 1}', ' {\n\t"a" : 1 } \n'),
    Pair("json", '{"a": 1}', '{\r\n"a": 1}\r\n'),
    Pair("json", '{"a": 1}', b'\xef\xbb\xbf{"a": 1}'),
    Pair("json", '{"a": "\\u00e9"}', '{"a": "\u00e9"}'),
    Pair("json", '{"a": "\\ud83d\\ude00"}', '{"a": "\U0001f600"}'),
    Pair("json", '{"a": 0.0}', '{"a": -0.0}'),
    Pair("json", '{"a": 0}', '{"a": -0.0}'),
    Pair("json", '{"a": 0.5}', '{"a": 0.50000000000000001}'),
    Pair("json", '{"a": 0.1}', '{"a": 0.10000000000000002}'),
    Pair("json", '{"a": 0.5, "b": 0.25}', '{"a": 0.5000001192092896, "b": 0.25}'),
    Pair("json", '{"a": 0.5}', '{"a": 0.5004}', tolerance=RTOL),
    Pair("json", '{"a": NaN}', '{"a": NaN}', tolerance={"a": Bounds(equal_nan=True)}),
    Pair("json", '{"a": "NaN"}', '{"a": NaN}', tolerance={"a": Bounds(equal_nan=True)}),
    Pair("json", '{"a": Infinity}', '{"a": Infinity}'),
    Pair("json", '{"a": Infinity}', '{"a": "Infinity"}'),
    Pair("json", '{"a": 1e400}', '{"a": 1e400}'),
    Pair("json", '{"a": 1e400}', '{"a": 10e399}'),
    Pair("json", '{"a": 1e-400, "b": 1}', '{"a": 1e-400, "b": 1}'),
    Pair("json", '{"a": 0e-400, "b": 1}', '{"a": 0, "b": 1}'),
    Pair("json", '{"a": 9007199254740992}', '{"a": 9007199254740992.0}'),
    Pair("json", '{"a": ["nan", "cat"]}', '{"a": ["nan", "cat"]}'),
    Pair("json", '{"a": [], "b": {}, "c": null, "d": 1}', '{"d": 1, "c": null, "b": {}, "a": []}'),
    Pair("json", '{"a": true}', '{"a": true}'),
    Pair("json", '{"a": 1, "t": 17.5}', '{"a": 1, "t": 99.1}', tolerance={"t": "ignore"}),
    Pair("json", '[{"step": 1, "l": 0.5}]', '[{"step": 1.0, "l": 0.5}]'),
    Pair("json", '{"a": 100000000}', '{"a": 100000001}', tolerance={"a": Bounds(atol=1)}),
    # jsonl
    Pair("jsonl", records("l", [0.5, 0.4]), "\n" + records("l", [0.5, 0.4]).replace("\n", "\n\n")),
    Pair("jsonl", '{"a": 1}\n{"a": 2}\n', '{"a": 1}\n\n{"a": 2}'),
    Pair("jsonl", records("l", [0.5, 0.4]), records("l", [0.5, 0.4]).replace("\n", "\r\n")),
    Pair("jsonl", records("l", [0.5, 0.4]), b"\xef\xbb\xbf" + records("l", [0.5, 0.4]).encode()),
    Pair("jsonl", records("l", [0.5, 0.4]), records("l", [0.5, 0.4], [1.0, 2.0])),
    Pair("jsonl", '{"step": 1, "a": 1}\n', '{"a": 1, "step": 1}\n'),
    Pair("jsonl", '{"global_step": 1, "a": 1}\n', '{"global_step": 1, "a": 1}'),
    # csv
    Pair("csv", "a,b\n1,2\n", "a,b\n1.0,2\n"),
    Pair("csv", "a,b\n1,2\n", "a,b\r\n1,2\r\n"),
    Pair("csv", "a,b\n1,2\n", b"\xef\xbb\xbfa,b\n1,2\n"),
    Pair("csv", "a,b\n1,2\n3,4\n", "a,b\n\n1,2\n\n3,4"),
    Pair("csv", "a,b\n1,2\n", '"a","b"\n"1","2"\n'),
    Pair("csv", "a,b\n1,2\n", "b,a\n2,1\n"),
    Pair("csv", "a\n0.5\nNA\n0.1\n", "a\n0.5\nNA\n0.10000000000000002\n"),
    Pair("csv", 'a\n0.5\n""\n0.1\n', 'a\n0.5\n""\n0.10000000000000002\n'),
    Pair("csv", "a\ncat\nnan\n", "a\ncat\nnan\n"),
    Pair("csv", "a\nnan\n0.5\n", "a\nNaN\n0.5\n", tolerance={"*": Bounds(equal_nan=True)}),
    Pair("csv", "id,b\n001,2\n", "id,b\n001,2\n"),
    Pair("csv", "id,b\n12e4567,2\n", "id,b\n12e4567,2.0\n"),
    Pair("csv", 'a,b\n"x\ny",2\n', 'a,b\r\n"x\ny",2\r\n'),
    # arrays
    Pair("npy", npy(F32), npy(np.nextafter(F32, np.float32(9)))),
    Pair("npy", npy(np.asfortranarray(np.eye(3) + 1)), npy(np.eye(3) + 1)),
    Pair("npy", npy(np.eye(3, dtype=">f8")), npy(np.eye(3, dtype="<f8"))),
    Pair("npy", npy([0.0, 1.0]), npy([-0.0, 1.0])),
    Pair("npy", npy(_with(F32, 1, np.nan)), npy(_with(F32, 1, np.nan)), tolerance={"*": Bounds(equal_nan=True)}),
    Pair("npy", npy(_with(F32, 1, np.inf)), npy(_with(F32, 1, np.inf))),
    Pair("npy", npy([1 + 1e-9j], "c8"), npy([1 + 0j], "c8")),
    Pair("npy", npy([1e6 + 1e-2j], "c16"), npy([1e6 + 2e-2j], "c16")),
    Pair("npy", npy(3.5), npy(3.5)),
    Pair("npz", npz(a=F32, b=F32), npz(b=F32, a=F32)),
    Pair("safetensors", tensors(a=F32, b=F32 + 1), tensors(b=F32 + 1, a=F32)),
    Pair("safetensors", tensors({"format": "pt"}, a=F32), tensors({"format": "pt"}, a=F32)),
    Pair("safetensors", tensors({"date": "1"}, a=F32), tensors({"date": "2"}, a=F32),
         tolerance={"__metadata__/*": "ignore"}),
)  # fmt: skip
