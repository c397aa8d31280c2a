// What a program of the study is in C.
#pragma once
#include <stddef.h>
#include <stdint.h>

struct bytes {
    uint8_t *at;
    size_t length;
};

// The program: bytes in, bytes out. The answer is from malloc and becomes the caller's.
struct bytes answer(const uint8_t *input, size_t length);

// Memory, or a trap.
void *allocate(size_t length);
