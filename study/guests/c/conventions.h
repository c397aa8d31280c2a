// The interface of a program of the study in C.
#pragma once
#include <stddef.h>
#include <stdint.h>

struct bytes {
    uint8_t *at;
    size_t length;
};

// The function of the guest. The caller frees the response.
struct bytes program(const uint8_t *input, size_t length);

// Allocates memory; aborts if there is none.
void *allocate(size_t length);
