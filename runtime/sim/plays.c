#include "sim/plays.h"

#include <stdlib.h>
#include <string.h>

#include "sim/reference.h"

typedef struct game {
  char ticker[48];
  kl_sim_play *list; /* owned */
  size_t n, cap;
  bool over;
} game;

struct kl_sim_plays {
  game **list; /* owned */
  size_t n, cap;
  kl_map *by_ticker;
  kl_sim_sources sources;
  uint64_t mark; /* of the events after which games were dropped last */
};

struct kl_sim_plays *kl_sim_plays_new(void) {
  struct kl_sim_plays *p = calloc(1, sizeof *p);
  if (!p) return NULL;
  p->by_ticker = kl_map_new();
  if (p->by_ticker) return p;
  free(p);
  return NULL;
}

static void free_game(game *g) {
  free(g->list);
  free(g);
}

void kl_sim_plays_free(struct kl_sim_plays *p) {
  if (!p) return;
  for (size_t i = 0; i < p->n; i++)
    free_game(p->list[i]);
  free(p->list);
  kl_map_free(p->by_ticker);
  kl_sim_sources_free(&p->sources);
  free(p);
}

static game *game_of(struct kl_sim_plays *p, const char *ticker) {
  game *g = kl_map_get(p->by_ticker, ticker, strlen(ticker));
  if (g) return g;
  if (p->n == p->cap) {
    size_t cap = p->cap ? p->cap * 2 : 16;
    game **grown = realloc(p->list, cap * sizeof(game *));
    if (!grown) return NULL;
    p->list = grown;
    p->cap = cap;
  }
  g = calloc(1, sizeof *g);
  if (!g) return NULL;
  memcpy(g->ticker, ticker, strlen(ticker) < sizeof g->ticker ? strlen(ticker) : sizeof g->ticker - 1);
  if (!kl_map_set(p->by_ticker, ticker, strlen(ticker), g)) {
    free_game(g);
    return NULL;
  }
  p->list[p->n++] = g;
  return g;
}

/* A play with the state of the observation; when memory is out the play is lost, and the next one has its points. */
static void add(game *g, int64_t now_us, kl_sim_play_kind kind, const kl_sim_observation *o, int side, int points,
                const int score[2]) {
  if (g->n == g->cap) {
    size_t cap = g->cap ? g->cap * 2 : 32;
    kl_sim_play *grown = realloc(g->list, cap * sizeof *grown);
    if (!grown) return;
    g->list = grown;
    g->cap = cap;
  }
  g->list[g->n++] = (kl_sim_play){.at_us = now_us,
                                  .kind = kind,
                                  .period = (int16_t)o->period,
                                  .clock_s = (int16_t)o->clock_s,
                                  .score = {(int16_t)score[0], (int16_t)score[1]},
                                  .points = (int16_t)points,
                                  .side = (int8_t)side};
}

static void look(game *g, int64_t now_us, const kl_sim_observation *o) {
  if (!o->started || g->over) return;
  if (g->n == 0) add(g, now_us, KL_SIM_PLAY_BEGIN, o, 0, 0, o->score);
  for (int side = 0; g->n > 0 && side < 2; side++) {
    const kl_sim_play *last = &g->list[g->n - 1];
    int score[2] = {last->score[0], last->score[1]}, points = o->score[side] - score[side];
    score[side] = o->score[side];
    if (points != 0) add(g, now_us, KL_SIM_PLAY_SCORE, o, side, points, score);
  }
  if (g->n > 0 && g->list[g->n - 1].period != o->period && !o->over)
    add(g, now_us, KL_SIM_PLAY_PERIOD, o, 0, 0, o->score);
  if (!o->over) return;
  add(g, now_us, KL_SIM_PLAY_END, o, 0, 0, o->score);
  g->over = true;
}

static size_t any_slot(kl_sim *s, const kl_sim_subject *about) {
  (void)s;
  (void)about;
  return 0;
}

/* Forgets the games whose events are gone. */
static void drop_gone(struct kl_sim_plays *p, const kl_sim *s) {
  size_t kept = 0;
  for (size_t i = 0; i < p->n; i++) {
    game *g = p->list[i];
    if (kl_exchange_event(s->x, g->ticker)) {
      p->list[kept++] = g;
      continue;
    }
    kl_map_remove(p->by_ticker, g->ticker, strlen(g->ticker));
    free_game(g);
  }
  p->n = kept;
}

void kl_sim_plays_tick(kl_sim *s) {
  struct kl_sim_plays *p = s->reference->plays;
  kl_sim_sources_sync(s, &p->sources, KL_SIM_ABOUT_SPORTS, any_slot);
  if (p->mark != p->sources.mark) drop_gone(p, s);
  p->mark = p->sources.mark;
  for (size_t i = 0; i < p->sources.n; i++) {
    const kl_sim_event *e = kl_sim_world_event(&s->world, p->sources.list[i].event);
    kl_sim_observation now;
    if (!e) continue;
    kl_sim_world_observe(&s->world, e, &now);
    game *g = now.started ? game_of(p, p->sources.list[i].event->ticker) : NULL;
    if (g) look(g, s->now_us, &now);
  }
}

const kl_sim_play *kl_sim_plays_of(const struct kl_sim_plays *p, const char *event_ticker, size_t *n) {
  const game *g = kl_map_get(p->by_ticker, event_ticker, strlen(event_ticker));
  *n = g ? g->n : 0;
  return g ? g->list : NULL;
}
