/* The files that a version of a strategy was made of: the script and the modules it loaded, as they were read, and
 * where a module was looked for in vain. */
#ifndef KL_SOURCES_H
#define KL_SOURCES_H

#include <stdbool.h>
#include <stddef.h>

typedef struct kl_source {
  char *path; /* owned */
  char *text; /* owned, NUL behind it; NULL: there was no such file */
  size_t n;
  bool watched; /* a regular file, or none at all: its changes can be noticed */
} kl_source;

typedef struct kl_sources { /* a zeroed one is valid and empty */
  kl_source *items;         /* in the order in which they were asked for */
  size_t n, cap;
} kl_sources;

enum { KL_HASH_MAX = 17 };

void kl_sources_free(kl_sources *s);
/* The text of a file, read from the disk, or as it is in `snapshot` when that is given and knows the path; remembered
 * in `s`, which owns it. NULL with errno. */
const char *kl_sources_read(kl_sources *s, const kl_sources *snapshot, const char *path, size_t *n);
/* Whether the files on the disk are still as they were read; those that cannot be watched count as unchanged. */
bool kl_sources_unchanged(const kl_sources *s);
/* The first 16 hex digits of a SHA-256: of the file where there is one, as `sha256sum` says it; of the files' hashes
 * one behind the other where there are more. */
void kl_sources_hash(const kl_sources *s, char out[KL_HASH_MAX]);
/* Moves all of `from` behind those of `to` and leaves `from` empty. False when memory is out; then both are as before.
 */
bool kl_sources_append(kl_sources *to, kl_sources *from);

#endif
