// Exports a program with all calling conventions: raw memory, standard input and output, waPC.
#include "conventions.h"

#include <stdlib.h>
#include <unistd.h>

#define EXPORT(name) __attribute__((export_name(name)))
#define WAPC(name) __attribute__((import_module("wapc"), import_name(name)))

// These live until the next call.
static struct bytes room;
static struct bytes last;

void *allocate(size_t length) {
    // At least one byte, because an empty text has an address as well.
    void *memory = malloc(length ? length : 1);
    if (!memory) {
        abort();
    }
    return memory;
}

static struct bytes keep_response(const uint8_t *input, size_t length) {
    free(last.at);
    last = program(input, length);
    return last;
}

// Allocates room for an input.
EXPORT("alloc") uint8_t *make_room(size_t length) {
    if (room.length < length || !room.at) {
        free(room.at);
        room = (struct bytes){allocate(length), length};
    }
    return room.at;
}

// Runs the program on the input in the room. Returns address and length of the response in one number.
EXPORT("raw") uint64_t respond_raw(const uint8_t *at, size_t length) {
    struct bytes kept = keep_response(at, length);
    return (uint64_t)(uintptr_t)kept.at << 32 | kept.length;
}

static struct bytes read_all(void) {
    size_t capacity = 4096;
    struct bytes input = {allocate(capacity), 0};
    for (;;) {
        ssize_t count = read(STDIN_FILENO, input.at + input.length, capacity - input.length);
        if (count < 0) {
            abort();
        }
        if (count == 0) {
            return input;
        }
        input.length += (size_t)count;
        if (input.length == capacity) {
            capacity *= 2;
            input.at = realloc(input.at, capacity);
            if (!input.at) {
                abort();
            }
        }
    }
}

EXPORT("stdio") void respond_stdio(void) {
    struct bytes input = read_all();
    struct bytes kept = keep_response(input.at, input.length);
    free(input.at);
    for (size_t written = 0; written < kept.length;) {
        ssize_t count = write(STDOUT_FILENO, kept.at + written, kept.length - written);
        if (count < 0) {
            abort();
        }
        written += (size_t)count;
    }
}

#ifdef COMPONENT

// The allocator of the canonical ABI. The host only allocates new memory.
EXPORT("cabi_realloc") void *reallocate(void *old, size_t old_length, size_t align, size_t length) {
    (void)old, (void)old_length, (void)align;
    return allocate(length);
}

// Returns a pointer to address and length of the response, as the canonical ABI requires for results
// of more than one number.
EXPORT("answer") struct bytes *respond_component(uint8_t *at, size_t length) {
    keep_response(at, length);
    free(at);
    return &last;
}

EXPORT("cabi_post_answer") void forget(struct bytes *kept) {
    free(kept->at);
    *kept = (struct bytes){0};
}

#else

WAPC("__guest_request") void guest_request(uint8_t *operation, uint8_t *input);
WAPC("__guest_response") void guest_response(const uint8_t *response, size_t length);

// Runs the program on the message of waPC. Ignores the operation, and returns 1 for success.
EXPORT("__guest_call") int respond_wapc(size_t operation, size_t length) {
    uint8_t *name = allocate(operation);
    uint8_t *input = allocate(length);
    guest_request(name, input);
    struct bytes kept = keep_response(input, length);
    guest_response(kept.at, kept.length);
    free(name);
    free(input);
    return 1;
}

#endif
