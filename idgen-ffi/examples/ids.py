"""libidgen from Python: python3 ids.py [libidgen.so]. Sizes are those of idgen.h, ABI 0."""
import ctypes, ctypes.util, sys, time
from ctypes import POINTER, c_char, c_char_p, c_int32, c_uint64, c_void_p

lib = ctypes.CDLL((sys.argv[1:] or [ctypes.util.find_library("idgen") or "libidgen.so"])[0])
lib.idgen_status_str.argtypes, lib.idgen_status_str.restype = [c_int32], c_char_p
ALIGNMENT, NOW, OUT = 128, 2**64 - 1, POINTER(c_uint64)

def call(name, *types):
    def check(status, *_):
        if status != 0:
            raise RuntimeError(f"{name}: {lib.idgen_status_str(status).decode()}")
    function = getattr(lib, name)
    function.argtypes, function.restype, function.errcheck = types, c_int32, check
    return function

def numbers(*names):
    return type("Numbers", (ctypes.Structure,), {"_fields_": [(name, c_uint64) for name in names]})

def block(size):  # Aligned; stays where it is, and lives as long as what is returned.
    memory = (c_char * (size + ALIGNMENT))()
    return (c_char * size).from_buffer(memory, -ctypes.addressof(memory) % ALIGNMENT)

if lib.idgen_abi_version() != 0:
    sys.exit("this libidgen has other sizes")
Range = numbers("start", "step", "len")
orders, order = block(512), c_uint64()
call("idgen_segment_init", c_void_p)(orders)
call("idgen_segment_supply", c_void_p, Range)(orders, Range(start=1, step=1, len=1000))
next_order = call("idgen_segment_next", c_void_p, OUT)
for _ in range(3):
    next_order(orders, order)
    print("order", order.value)

Lease = numbers("worker", "floor_unix_ms", "floor_sequence", "horizon_unix_ms", "serial", "nonce")
layout, ids, id, now = block(320), block(1152), c_uint64(), int(time.time() * 1000)
lease = Lease(worker=7, floor_unix_ms=now, horizon_unix_ms=now + 10_000)
call("idgen_layout_preset", c_char_p, c_void_p)(b"standard", layout)
call("idgen_snowflake_init", c_void_p, c_void_p, POINTER(Lease), c_uint64)(ids, layout, lease, 10)
next_id = call("idgen_snowflake_next", c_void_p, c_uint64, OUT, OUT)
for _ in range(3):
    next_id(ids, NOW, id, None)
    print("id", id.value)
