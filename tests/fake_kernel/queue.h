/* SPDX-License-Identifier: Apache-2.0 */
/* What waits in a socket to be received: acknowledgements, replies, and dumps piece by piece. */
#ifndef FAKE_QUEUE_H
#define FAKE_QUEUE_H

#include "sockets.h"

void fake_queue_add(struct fake_socket *socket, const void *bytes, size_t size);
void fake_queue_ack(struct fake_request *request, int status);
void fake_queue_clear(struct fake_socket *socket);
void fake_queue_end_dump(struct fake_socket *socket);
/* Makes the descriptor readable if and only if something waits. */
void fake_queue_signal(struct fake_socket *socket);

#endif
