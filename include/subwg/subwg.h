/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file subwg.h
 * @brief Everything an engine author needs, and the library's version.
 */
#ifndef SUBWG_SUBWG_H
#define SUBWG_SUBWG_H

#include <subwg/api.h>
#include <subwg/cable.h>
#include <subwg/driver.h>
#include <subwg/registry.h>
#include <subwg/render.h>
#include <subwg/snapshot.h>
#include <subwg/wireguard.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Version of the headers. */
#define SUBWG_VERSION "0.1.0"

/** @brief Version of the library that is running; compare with #SUBWG_VERSION. */
SUBWG_API const char *subwg_version(void);

#ifdef __cplusplus
}
#endif

#endif
