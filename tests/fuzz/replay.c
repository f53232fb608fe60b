/* Runs a target on the inputs that were kept for it, without a fuzzer: those of
 * tests/fuzz/NAME.hex, one a line, NAME being the program's. */
#include <stdio.h>
#include <stdlib.h>

#include "../c/hex.h"
#include "../c/page.h"
#include "fuzz.h"

int main(int argc, char **argv)
{
    char path[256], *line = NULL;
    size_t room = 0;
    int n = 0;
    const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
    (void)snprintf(path, sizeof path, "tests/fuzz/%s.hex", slash != NULL ? slash + 1 : "none");
    FILE *inputs = fopen(path, "r");
    if (inputs == NULL) {
        perror(path);
        return 1;
    }
    while (getline(&line, &room, inputs) > 0) {
        hex_bytes input = from_hex(line);
        (void)LLVMFuzzerTestOneInput(page_end_copy(input.data, input.size), input.size);
        n++;
    }
    free(line);
    (void)fclose(inputs);
    (void)printf("%d inputs\n", n);
    return n == 0;
}
