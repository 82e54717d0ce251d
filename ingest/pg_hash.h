#pragma once

// PostgreSQL's extended hash functions, which it keeps stable because partitions are made by them: what is
// hashed here and what SQL hashes is the same.

#include <stddef.h>
#include <stdint.h>

uint64_t pg_hash_bytes(const void *data, size_t len,
                       uint64_t seed);               // hashtextextended in "C", uuid_hash_extended
uint64_t pg_hash_int8(int64_t value, uint64_t seed); // hashint8extended
