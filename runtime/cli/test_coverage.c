#include "cli/test_coverage.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"

static double percent(size_t ran, size_t of) { return of ? 100.0 * (double)ran / (double)of : 100.0; }

/* "3, 7-9": lines without code in between belong to a range. */
static void missing_lines(kl_buf *out, const kl_coverage_file *f) {
  bool first = true;
  for (int line = 1; line < f->lines; line++) {
    if (!f->has[line] || f->counts[line]) continue;
    int last = line;
    for (int next = line + 1; next < f->lines; next++) {
      if (f->has[next] && f->counts[next]) break;
      if (f->has[next]) last = next;
    }
    kl_buf_printf(out, "%s%d", first ? "" : ", ", line);
    if (last > line) kl_buf_printf(out, "-%d", last);
    first = false;
    line = last;
  }
}

static void row(kl_buf *out, int width, const char *name, size_t ran, size_t of) {
  kl_buf_printf(out, "%-*s  %5.1f %%  %5zu of %-5zu", width, name, percent(ran, of), ran, of);
}

void kl_test_coverage_table(kl_buf *out, kl_coverage *c) {
  const kl_coverage_file *files;
  size_t n, ran = 0, of = 0;
  bool whole = kl_coverage_files(c, &files, &n);
  int width = 8;
  for (size_t i = 0; i < n; i++)
    if ((int)strlen(files[i].path) > width) width = (int)strlen(files[i].path);
  kl_buf_char(out, '\n');
  if (n == 0) kl_buf_str(out, "coverage: the tests ran no line outside of their own files\n");
  for (size_t i = 0; i < n; i++) {
    if (i == 0) kl_buf_printf(out, "%-*s  covered    lines           not run\n", width, "coverage");
    kl_buf name = {0};
    kl_log_escape(&name, files[i].path, strlen(files[i].path));
    row(out, width, name.data ? name.data : "", files[i].ran, files[i].of);
    kl_buf_free(&name);
    if (files[i].ran < files[i].of) {
      kl_buf_str(out, "  ");
      missing_lines(out, &files[i]);
    }
    kl_buf_char(out, '\n');
    ran += files[i].ran;
    of += files[i].of;
  }
  if (n > 1) {
    row(out, width, "total", ran, of);
    kl_buf_char(out, '\n');
  }
  if (!whole) kl_buf_str(out, "some lines are missing here: memory ran out\n");
}

void kl_test_coverage_lcov(kl_buf *out, kl_coverage *c) {
  const kl_coverage_file *files;
  size_t n;
  if (!kl_coverage_files(c, &files, &n)) out->failed = true;
  for (size_t i = 0; i < n; i++) {
    kl_buf_printf(out, "TN:\nSF:%s\n", files[i].path);
    for (int line = 1; line < files[i].lines; line++)
      if (files[i].has[line]) kl_buf_printf(out, "DA:%d,%" PRIu32 "\n", line, files[i].counts[line]);
    kl_buf_printf(out, "LF:%zu\nLH:%zu\nend_of_record\n", files[i].of, files[i].ran);
  }
}
