/* The functions of `table` that walk over as many elements as a table claims to have: __len can say 2^62, and no Lua
 * code runs between two elements. They end with their task's time, and otherwise do what those of Lua do. */
#include <limits.h>
#include <time.h>

#include "script/bounded.h"

enum { READ = 1, WRITE = 2, LENGTH = 4 };

static bool has_field(lua_State *L, int mt, const char *name) {
  lua_pushstring(L, name);
  bool has = lua_rawget(L, mt) != LUA_TNIL;
  lua_pop(L, 1);
  return has;
}

/* A table, or what has the metamethods to be used like one. */
static void check_table(lua_State *L, int arg, int uses) {
  if (lua_type(L, arg) == LUA_TTABLE) return;
  if (lua_getmetatable(L, arg)) {
    int mt = lua_gettop(L);
    bool ok = (!(uses & READ) || has_field(L, mt, "__index")) && (!(uses & WRITE) || has_field(L, mt, "__newindex")) &&
              (!(uses & LENGTH) || has_field(L, mt, "__len"));
    lua_pop(L, 1);
    if (ok) return;
  }
  luaL_checktype(L, arg, LUA_TTABLE);
}

static lua_Integer length(lua_State *L, int arg, int uses) {
  check_table(L, arg, uses | LENGTH);
  return luaL_len(L, arg);
}

/* Arithmetic that wraps, as that of Lua does. */
static lua_Integer plus(lua_Integer a, lua_Integer b) { return (lua_Integer)((lua_Unsigned)a + (lua_Unsigned)b); }

/* Moves n elements that follow each other; from the last to the first with `back`. */
static void move(lua_State *L, int source, lua_Integer from, int target, lua_Integer to, lua_Integer n, bool back) {
  kl_work work = kl_work_of(L);
  lua_Unsigned i = back ? (lua_Unsigned)from + (lua_Unsigned)n - 1 : (lua_Unsigned)from,
               step = back ? -(lua_Unsigned)1 : 1;
  lua_Unsigned away = (lua_Unsigned)to - (lua_Unsigned)from;
  while (n > 0) {
    int some = n < KL_WORK_STEPS ? (int)n : KL_WORK_STEPS;
    for (int k = 0; k < some; k++, i += step) {
      lua_geti(L, source, (lua_Integer)i);
      lua_seti(L, target, (lua_Integer)(i + away));
    }
    n -= some;
    kl_spend(&work, (size_t)some);
  }
}

static int l_insert(lua_State *L) {
  lua_Integer end = plus(length(L, 1, READ | WRITE), 1), at = end;
  int given = lua_gettop(L);
  if (given == 3) {
    at = luaL_checkinteger(L, 2);
    luaL_argcheck(L, (lua_Unsigned)at - 1 < (lua_Unsigned)end, 2, "position out of bounds");
    if (at < end) move(L, 1, at, 1, plus(at, 1), plus(end, -at), true);
  } else if (given != 2) {
    return luaL_error(L, "wrong number of arguments to 'insert'");
  }
  lua_seti(L, 1, at);
  return 0;
}

static int l_remove(lua_State *L) {
  lua_Integer n = length(L, 1, READ | WRITE), at = luaL_optinteger(L, 2, n);
  if (at != n) luaL_argcheck(L, (lua_Unsigned)at - 1 <= (lua_Unsigned)n, 2, "position out of bounds");
  lua_geti(L, 1, at);
  if (at < n) {
    move(L, 1, plus(at, 1), 1, at, plus(n, -at), false);
    at = n;
  }
  lua_pushnil(L);
  lua_seti(L, 1, at);
  return 1;
}

static int l_move(lua_State *L) {
  lua_Integer from = luaL_checkinteger(L, 2), last = luaL_checkinteger(L, 3), to = luaL_checkinteger(L, 4);
  int target = lua_isnoneornil(L, 5) ? 1 : 5;
  check_table(L, 1, READ);
  check_table(L, target, WRITE);
  if (last >= from) {
    luaL_argcheck(L, from > 0 || last < LUA_MAXINTEGER + from, 3, "too many elements to move");
    lua_Integer n = last - from + 1;
    luaL_argcheck(L, to <= LUA_MAXINTEGER - n + 1, 4, "destination wrap around");
    /* Forward, unless that would write over what is still to be read. */
    bool back = to > from && to <= last && (target == 1 || lua_compare(L, 1, target, LUA_OPEQ));
    move(L, 1, from, target, to, n, back);
  }
  lua_pushvalue(L, target);
  return 1;
}

/* ---- concat ---- */

static void add_element(lua_State *L, luaL_Buffer *b, lua_Integer i) {
  lua_geti(L, 1, i);
  if (!lua_isstring(L, -1))
    luaL_error(L, "invalid value (%s) at index %I in table for 'concat'", luaL_typename(L, -1), (LUAI_UACINT)i);
  luaL_addvalue(b);
}

static int l_concat(lua_State *L) {
  lua_Integer last = length(L, 1, READ);
  size_t n;
  const char *sep = luaL_optlstring(L, 2, "", &n);
  lua_Integer i = luaL_optinteger(L, 3, 1);
  last = luaL_optinteger(L, 4, last);
  kl_work work = kl_work_of(L);
  luaL_Buffer b;
  luaL_buffinit(L, &b);
  for (; i < last; i++) {
    add_element(L, &b, i);
    luaL_addlstring(&b, sep, n);
    kl_spend(&work, 1);
  }
  if (i == last) add_element(L, &b, i);
  luaL_pushresult(&b);
  return 1;
}

/* ---- sort ---- */

/* A quicksort whose pivot is the middle one of three, as Lua's: the order of elements that are equal, and which wrong
 * order functions are noticed, is the same. */
typedef struct {
  lua_State *L;
  kl_work work;
  bool own; /* the order is the function at index 2 */
} sorter;

enum { SMALL = 100 /* below this the pivot is always looked for in the middle */ };

/* Whether the value at index a comes before that at b; both are relative. */
static bool before(sorter *s, int a, int b) {
  lua_State *L = s->L;
  kl_spend(&s->work, 4);
  if (!s->own) return lua_compare(L, a, b, LUA_OPLT);
  lua_pushvalue(L, 2);
  lua_pushvalue(L, a - 1);
  lua_pushvalue(L, b - 2);
  lua_call(L, 2, 1);
  bool is = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return is;
}

/* Stores the two values at the top, popped: the upper one at i. */
static void store(lua_State *L, lua_Integer i, lua_Integer k) {
  lua_seti(L, 1, i);
  lua_seti(L, 1, k);
}

/* Puts the elements i < k in order. */
static void order(sorter *s, lua_Integer i, lua_Integer k) {
  lua_geti(s->L, 1, i);
  lua_geti(s->L, 1, k);
  if (before(s, -1, -2))
    store(s->L, i, k);
  else
    lua_pop(s->L, 2);
}

static int bad_order(lua_State *L) { return luaL_error(L, "invalid order function for sorting"); }

/* The pivot stands at `high - 1` and at the top of the stack, popped. What is not above it comes to its left; returns
 * its place. */
static lua_Integer part(sorter *s, lua_Integer low, lua_Integer high) {
  lua_State *L = s->L;
  lua_Integer i = low, k = high - 1;
  for (;;) {
    while (lua_geti(L, 1, ++i), before(s, -1, -2)) { /* pivot left */
      if (i == high - 1) bad_order(L);
      lua_pop(L, 1);
    }
    while (lua_geti(L, 1, --k), before(s, -3, -1)) { /* pivot left right */
      if (k < i) bad_order(L);
      lua_pop(L, 1);
    }
    if (k < i) break;
    store(L, i, k);
  }
  lua_pop(L, 1); /* pivot left */
  store(L, high - 1, i);
  return i;
}

/* A long division that went badly makes the next pivots random. */
static lua_Integer pivot_of(lua_Integer low, lua_Integer high, unsigned random) {
  if (high - low < SMALL || random == 0) return (low + high) / 2;
  lua_Integer quarter = (high - low) / 4;
  return low + quarter + random % (quarter * 2);
}

static void sort(sorter *s, lua_Integer low, lua_Integer high, unsigned random) {
  while (low < high) {
    order(s, low, high);
    if (high - low == 1) break;
    lua_Integer p = pivot_of(low, high, random);
    lua_geti(s->L, 1, p);
    lua_geti(s->L, 1, low);
    if (before(s, -2, -1)) {
      store(s->L, p, low);
    } else {
      lua_pop(s->L, 1);
      lua_geti(s->L, 1, high);
      if (before(s, -1, -2))
        store(s->L, p, high);
      else
        lua_pop(s->L, 2);
    }
    if (high - low == 2) break;
    lua_geti(s->L, 1, p); /* pivot */
    lua_pushvalue(s->L, -1);
    lua_geti(s->L, 1, high - 1);
    store(s->L, p, high - 1); /* pivot */
    p = part(s, low, high);
    lua_Integer from = low, to = p - 1; /* the smaller side, by a call */
    if (p - low < high - p) {
      low = p + 1;
    } else {
      from = p + 1;
      to = high;
      high = p - 1;
    }
    sort(s, from, to, random);
    if ((high - low) / 128 > to - from + 1) random = (unsigned)clock() + (unsigned)time(NULL);
  }
}

static int l_sort(lua_State *L) {
  lua_Integer n = length(L, 1, READ | WRITE);
  if (n < 2) return 0;
  luaL_argcheck(L, n < INT_MAX, 1, "array too big");
  if (!lua_isnoneornil(L, 2)) luaL_checktype(L, 2, LUA_TFUNCTION);
  lua_settop(L, 2);
  sorter s = {.L = L, .work = kl_work_of(L), .own = !lua_isnil(L, 2)};
  luaL_checkstack(L, LUA_MINSTACK * 4, NULL);
  sort(&s, 1, n, 0);
  return 0;
}

void kl_bounded_table_open(lua_State *L) {
  static const luaL_Reg own[] = {{"concat", l_concat}, {"insert", l_insert}, {"move", l_move},
                                 {"remove", l_remove}, {"sort", l_sort},     {NULL, NULL}};
  luaL_setfuncs(L, own, 0);
}
