/* A stage for tests: a simulator whose time and markets are the test's, with a session, a desk and a host of scripts
 * that run by its clock. Nothing moves but in kl_testing.settle, and there in an order that does not depend on the
 * machine: one thing after the other is let go, and only when all that came of the one before has been heard. */
#ifndef KL_STAGE_H
#define KL_STAGE_H

#include "bindings/testing.h"

/* For kl_environment.testing. */
extern const kl_testing kl_stage_testing;

#endif
