/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file api.h
 * @brief Marks the functions that libsubwg exports. Included by the other headers.
 */
#ifndef SUBWG_API_H
#define SUBWG_API_H

#if defined(__GNUC__)
#define SUBWG_API __attribute__((visibility("default")))
#else
#define SUBWG_API
#endif

#endif
