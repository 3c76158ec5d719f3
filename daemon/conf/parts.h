/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * parts.h: the sections of the configuration, each in a file of its own. A node is NULL when the
 * file does not have the section. What was built before a failure is left in place for
 * policy_done() and sinks_done().
 */
#ifndef CONF_PARTS_H
#define CONF_PARTS_H

#include "conf/config.h"
#include "conf/doc.h"
#include "conf/node.h"

int networks_parse(struct doc *d, const yaml_node_t *n, struct policy *ret);
int endpoints_parse(struct doc *d, const yaml_node_t *n, struct policy *ret);
int roles_parse(struct doc *d, const yaml_node_t *n, struct policy *ret);
/* After endpoints and roles, which rules name. */
int rules_parse(struct doc *d, const yaml_node_t *n, struct policy *ret);
/* `dns` of a rule. *ret_per: where `per` stands, NULL: nowhere. */
int dns_condition_parse(struct doc *d, const struct at *at, struct dns_condition *ret,
			const yaml_node_t **ret_per);
/* What executions are matched by: a file name, a path, or a glob of these. Borrowed. */
int match_name(struct doc *d, const struct at *at, const char **ret);
int match_exe(struct doc *d, const struct at *at, const char **ret);
/* The pattern fits. */
void match_set(struct role_match *ret, enum role_match_kind kind, const char *pattern);
/* `process` of a rule. */
int process_condition_parse(struct doc *d, const struct at *at, struct process_condition *ret);
/* Also without a node: it is on by default. */
int reconcile_parse(struct doc *d, const yaml_node_t *n, struct reconcile *ret);
/* Hex of the first 64 bits of SHA-256 over the text of a node. */
void rule_rev(struct doc *d, const yaml_node_t *n, char ret[17]);
/* A parser for the table; `ret` is enum severity *. */
int key_severity(struct doc *d, const struct at *at, void *ret);
int sinks_parse(struct doc *d, const yaml_node_t *n, struct config *ret);
void sinks_done(struct config *c);

#endif
