/* Lua tells the lines of one function only when it has that function, and those inside of others come into being as the
 * script runs. So the text is compiled aside, and the lines are read from its binary form (that of Lua 5.4). */
#include "script/code_lines.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

#include "base/buf.h"
#include "script/internal.h"

/* Tags of constants that have bytes behind them. */
enum { TAG_INTEGER = 3, TAG_SHORT = 4, TAG_FLOAT = 19, TAG_LONG = 20 };
enum { FORMAT = 0x5400, CHECK_BYTES = 6, LINE_IS_ABSOLUTE = -128, DEPTH_MAX = 200 };

typedef struct reader {
  const unsigned char *at, *end;
  size_t instruction; /* bytes of each */
  kl_code_lines *out;
  bool ok;
} reader;

static const unsigned char *take(reader *r, size_t n) {
  static const unsigned char nothing[16];
  if ((size_t)(r->end - r->at) < n) {
    r->ok = false;
    r->at = r->end;
    return nothing;
  }
  const unsigned char *p = r->at;
  r->at += n;
  return p;
}

static unsigned byte(reader *r) { return *take(r, 1); }

/* Seven bits a byte, the last one is marked. */
static size_t number(reader *r) {
  size_t v = 0;
  for (int i = 0; i < 10 && r->ok; i++) {
    unsigned b = byte(r);
    v = v << 7 | (b & 0x7F);
    if (b & 0x80) return v;
  }
  r->ok = false;
  return 0;
}

static void skip_text(reader *r) {
  size_t n = number(r);
  if (n > 1) take(r, n - 1);
}

static void skip_constants(reader *r) {
  for (size_t n = number(r); n > 0 && r->ok; n--) {
    unsigned tag = byte(r);
    if (tag == TAG_INTEGER) take(r, sizeof(lua_Integer));
    if (tag == TAG_FLOAT) take(r, sizeof(lua_Number));
    if (tag == TAG_SHORT || tag == TAG_LONG) skip_text(r);
  }
}

static void mark(const reader *r, long line) {
  if (line > 0 && line < r->out->n) r->out->has[line] = 1;
}

static void read_function(reader *r, int depth);

/* Behind the code: steps from line to line, and apart from them the lines that no step reaches. */
static void read_lines(reader *r, long defined, bool varargs) {
  size_t n = number(r);
  const unsigned char *steps = take(r, n);
  if (!r->ok) return;
  size_t absolute = number(r);
  long line = defined;
  for (size_t pc = 0; pc < n && r->ok; pc++) {
    int step = steps[pc] < 128 ? steps[pc] : steps[pc] - 256;
    if (step == LINE_IS_ABSOLUTE && absolute > 0) {
      absolute--;
      number(r); /* the instruction, which is this one */
      line = (long)number(r);
    } else {
      line += step;
    }
    if (pc > 0 || !varargs) mark(r, line); /* a function's own preparation is no line */
  }
  for (; absolute > 0 && r->ok; absolute--) {
    number(r);
    number(r);
  }
  for (size_t k = number(r); k > 0 && r->ok; k--) { /* variables */
    skip_text(r);
    number(r);
    number(r);
  }
  for (size_t k = number(r); k > 0 && r->ok; k--)
    skip_text(r); /* upvalues */
}

static void read_function(reader *r, int depth) {
  skip_text(r); /* source */
  long defined = (long)number(r);
  number(r); /* its last line */
  byte(r);   /* parameters */
  bool varargs = byte(r) != 0;
  byte(r); /* registers */
  size_t code = number(r);
  if (code > SIZE_MAX / 16 || depth > DEPTH_MAX) r->ok = false;
  if (r->ok) take(r, code * r->instruction);
  skip_constants(r);
  size_t upvalues = number(r);
  if (upvalues > 255) r->ok = false;
  if (r->ok) take(r, upvalues * 3);
  for (size_t n = number(r); n > 0 && r->ok; n--)
    read_function(r, depth + 1);
  if (r->ok) read_lines(r, defined, varargs);
}

static bool read_all(const kl_buf *binary, kl_code_lines *out) {
  reader r = {.at = (const unsigned char *)binary->data, .out = out, .ok = true};
  r.end = r.at + binary->len;
  take(&r, sizeof LUA_SIGNATURE - 1);
  unsigned format = byte(&r) << 8;
  format |= byte(&r);
  take(&r, CHECK_BYTES);
  r.instruction = byte(&r);
  unsigned integer = byte(&r), real = byte(&r);
  take(&r, sizeof(lua_Integer) + sizeof(lua_Number));
  byte(&r); /* upvalues of the chunk */
  if (format != FORMAT || integer != sizeof(lua_Integer) || real != sizeof(lua_Number) || !r.instruction ||
      r.instruction > 16)
    return false;
  read_function(&r, 0);
  return r.ok;
}

static int write_part(lua_State *L, const void *p, size_t n, void *data) {
  (void)L;
  kl_buf_add(data, p, n);
  return ((kl_buf *)data)->failed;
}

bool kl_code_lines_of(const char *text, size_t n, kl_code_lines *out) {
  *out = (kl_code_lines){0};
  size_t lines = 2;
  for (size_t i = 0; i < n; i++)
    lines += text[i] == '\n';
  kl_skip_shebang(&text, &n);
  lua_State *L = lines < INT32_MAX ? luaL_newstate() : NULL;
  if (!L) return false;
  kl_buf binary = {0};
  bool ok = luaL_loadbufferx(L, text, n, "=lines", "t") == LUA_OK && lua_dump(L, write_part, &binary, 0) == 0;
  lua_close(L);
  out->n = (int)lines;
  out->has = ok && !binary.failed ? calloc(lines, 1) : NULL;
  ok = out->has && read_all(&binary, out);
  kl_buf_free(&binary);
  if (!ok) kl_code_lines_free(out);
  return ok;
}

void kl_code_lines_free(kl_code_lines *lines) {
  free(lines->has);
  *lines = (kl_code_lines){0};
}

int kl_code_lines_next(const kl_code_lines *lines, int line) {
  if (line < 1) line = 1;
  while (line < lines->n && !lines->has[line])
    line++;
  return line < lines->n ? line : 0;
}
