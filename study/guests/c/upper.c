// Converts ASCII letters to upper case.
#include "conventions.h"

struct bytes program(const uint8_t *input, size_t length) {
    struct bytes output = {allocate(length), length};
    for (size_t i = 0; i < length; i++) {
        uint8_t byte = input[i];
        output.at[i] = byte >= 'a' && byte <= 'z' ? byte - ('a' - 'A') : byte;
    }
    return output;
}
