/* SPDX-License-Identifier: Apache-2.0 */
/* The connection table: the seed's columns, in widths that fit. */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "engine/samples.h"
#include "engine/writer.h"

/* The columns that are padded; STATUS comes last and is not. */
enum column { GATEWAY, CLUSTER, REMOTE_IP, CABLE_DRIVER, SUBNETS, PADDED_COLUMNS };

static const struct {
    const char *title;
    size_t least_width; /* as in the seed */
} columns[PADDED_COLUMNS] = {
    {"GATEWAY", 32}, {"CLUSTER", 24}, {"REMOTE IP", 16}, {"CABLE DRIVER", 24}, {"SUBNETS", 40},
};

struct line {
    const struct subwg_snapshot *snapshot;
    const struct subwg_connection *row;
};

static const char subnet_separator[] = ", ";

/* Foreign rows, which have no cluster, come last. */
static int compare_lines(const void *a, const void *b)
{
    const struct line *first = a;
    const struct line *second = b;
    bool foreign = first->row->cluster_id[0] == '\0';
    if (foreign != (second->row->cluster_id[0] == '\0'))
        return foreign ? 1 : -1;
    const char *const pairs[][2] = {
        {first->row->cluster_id, second->row->cluster_id},
        {first->row->hostname, second->row->hostname},
        {subwg_snapshot_driver(first->snapshot), subwg_snapshot_driver(second->snapshot)},
        {first->row->remote_ip, second->row->remote_ip},
        {first->row->peer, second->row->peer},
    };
    return text_pairs_compare(pairs, sizeof(pairs) / sizeof(pairs[0]));
}

static int32_t collect(struct subwg_snapshot *const *snapshots, uint32_t count,
                       struct line **ret_lines, size_t *ret_line_count)
{
    size_t rows = 0;
    for (uint32_t i = 0; i < count; i++)
        rows += subwg_snapshot_connection_count(snapshots[i]);
    struct line *lines = calloc(rows > 0 ? rows : 1, sizeof(*lines));
    if (lines == NULL)
        return -ENOMEM;
    size_t used = 0;
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t j = 0; j < subwg_snapshot_connection_count(snapshots[i]); j++)
            lines[used++] = (struct line){snapshots[i], subwg_snapshot_connection(snapshots[i], j)};
    qsort(lines, used, sizeof(*lines), compare_lines);
    *ret_lines = lines;
    *ret_line_count = used;
    return 0;
}

/* The text of a cell that holds one; a place that would be empty gets a mark, so that every line
 * has as many words as the header promises. */
static const char *cell_text(const struct line *line, enum column column)
{
    const struct subwg_connection *row = line->row;
    const char *text = column == GATEWAY     ? row->hostname
                       : column == CLUSTER   ? row->cluster_id
                       : column == REMOTE_IP ? row->remote_ip
                                             : subwg_snapshot_driver(line->snapshot);
    if (column == REMOTE_IP && text[0] == '\0')
        text = row->private_ip;
    return text[0] == '\0' ? "-" : text;
}

static size_t cell_width(const struct line *line, enum column column)
{
    if (column != SUBNETS || line->row->subnet_count == 0)
        return column != SUBNETS ? writer_visible_width(cell_text(line, column)) : 1;
    size_t width = (line->row->subnet_count - 1) * (sizeof(subnet_separator) - 1);
    for (uint32_t i = 0; i < line->row->subnet_count; i++)
        width += writer_visible_width(line->row->subnets[i]);
    return width;
}

static void write_cell(struct writer *writer, const struct line *line, enum column column)
{
    if (column != SUBNETS || line->row->subnet_count == 0) {
        writer_visible(writer, column != SUBNETS ? cell_text(line, column) : "-");
        return;
    }
    for (uint32_t i = 0; i < line->row->subnet_count; i++) {
        writer_text(writer, i > 0 ? subnet_separator : "");
        writer_visible(writer, line->row->subnets[i]);
    }
}

static void pad(struct writer *writer, size_t written, size_t width)
{
    const size_t least_gap = 2;
    writer_spaces(writer, written + least_gap <= width ? width - written : least_gap);
}

static void fit_widths(const struct line *lines, size_t count, size_t widths[PADDED_COLUMNS])
{
    for (enum column column = GATEWAY; column < PADDED_COLUMNS; column++) {
        widths[column] = columns[column].least_width;
        for (size_t i = 0; i < count; i++) {
            size_t wanted = cell_width(&lines[i], column) + 2;
            if (wanted > widths[column] && wanted <= LIMIT_TABLE_COLUMN)
                widths[column] = wanted;
        }
    }
}

static void write_line(struct writer *writer, const struct line *line,
                       const size_t widths[PADDED_COLUMNS])
{
    for (enum column column = GATEWAY; column < PADDED_COLUMNS; column++) {
        write_cell(writer, line, column);
        pad(writer, cell_width(line, column), widths[column]);
    }
    writer_text(writer, subwg_status_name(line->row->status));
    if (line->row->status_text[0] != '\0') {
        writer_text(writer, " (");
        writer_visible(writer, line->row->status_text);
        writer_text(writer, ")");
    }
    writer_text(writer, "\n");
}

static void write_table(struct writer *writer, const char *title, const struct line *lines,
                        size_t count)
{
    size_t widths[PADDED_COLUMNS];
    fit_widths(lines, count, widths);
    writer_text(writer, "Showing information for cluster \"");
    writer_visible(writer, title);
    writer_text(writer, "\":\n");
    for (enum column column = GATEWAY; column < PADDED_COLUMNS; column++) {
        writer_text(writer, columns[column].title);
        pad(writer, strlen(columns[column].title), widths[column]);
    }
    writer_text(writer, "STATUS\n");
    for (size_t i = 0; i < count; i++)
        write_line(writer, &lines[i], widths);
}

int32_t subwg_write_connection_table(const char *title, struct subwg_snapshot *const *snapshots,
                                     uint32_t count, subwg_write_fn write, void *context)
{
    bool whole = title != NULL && write != NULL && (snapshots != NULL || count == 0);
    for (uint32_t i = 0; whole && i < count; i++)
        whole = snapshots[i] != NULL;
    if (!whole)
        return -EINVAL;
    struct line *lines;
    size_t line_count;
    int32_t code = collect(snapshots, count, &lines, &line_count);
    if (code != 0)
        return code;
    char chunk[WRITER_CHUNK_BYTES];
    struct writer writer;
    writer_init(&writer, chunk, write, context);
    write_table(&writer, title, lines, line_count);
    free(lines);
    return writer_finish(&writer);
}
