/* Fixed-point numbers between text, integers and doubles. Exact in every direction: what does not fit the grid is
 * refused, never rounded. */
#ifndef KL_DECIMAL_H
#define KL_DECIMAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reads `-?digits(.digits)?` of exactly n bytes into units of 10^-places. Digits beyond `places` must be zeros.
 * False on anything else, on overflow and on empty input; *out is then untouched. */
bool kl_decimal_parse(const char *s, size_t n, int places, int64_t *out);

/* Writes v with exactly `places` decimals ("-0.0500"), NUL-terminated; returns the length without it.
 * `cap` of 32 is enough for any value. */
size_t kl_decimal_format(char *out, size_t cap, int64_t v, int places);

/* The same without zeros at the end, but with at least `least` decimals, into 32 bytes: 0.42, not 0.4200. */
size_t kl_decimal_short(char out[32], int64_t v, int places, int least);

/* A double within 1e-9 of a grid point becomes that point (0.1 + 0.2 is 0.3). False when off the grid, NaN, infinite
 * or beyond 2^53 units. */
bool kl_decimal_from_double(double v, int places, int64_t *out);

/* The nearest double of v * 10^-places. */
double kl_decimal_to_double(int64_t v, int places);

#endif
