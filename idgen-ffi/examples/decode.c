/* Takes an id apart by a preset's layout.
 *
 *     decode ID [PRESET]
 *     decode                  the presets, and an id as an example
 */

#include <idgen.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static int refuse(const char *what, idgen_status status)
{
    fprintf(stderr, "decode: %s: %s\n", what, idgen_status_str(status));
    return 1;
}

static int decode(const char *text, const char *preset)
{
    idgen_layout layout;
    idgen_decoded parts;
    uint64_t id;
    idgen_status status = idgen_layout_preset(preset, &layout);
    if (status != IDGEN_STATUS_OK)
        return refuse(preset, status);
    status = idgen_text_decode(text, strlen(text), IDGEN_FORM_DECIMAL, &id);
    if (status == IDGEN_STATUS_OK)
        status = idgen_layout_decode(&layout, id, &parts);
    if (status != IDGEN_STATUS_OK)
        return refuse(text, status);

    char when[32] = "";
    time_t seconds = (time_t)(parts.unix_ms / 1000);
    const struct tm *date = gmtime(&seconds);
    if (!date || strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", date) == 0)
        return 1;
    printf("%s by %s\n", text, preset);
    printf("  time %s.%03uZ, tick %" PRIu64 "\n", when, (unsigned)(parts.unix_ms % 1000),
           parts.tick);
    printf("  worker id %" PRIu64 "\n", parts.worker);
    for (uint32_t at = 0; at < layout.field_count; at++)
        printf("  %s %" PRIu64 "\n", layout.fields[at].name, parts.fields[at]);
    return 0;
}

static void list_presets(void)
{
    idgen_layout layout;
    char name[64], about[128];
    for (size_t at = 0; idgen_layout_preset_at(at, &layout, name, sizeof name, about,
                                               sizeof about) == IDGEN_STATUS_OK; at++)
        printf("%-14s %s\n", name, about);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return decode(argv[1], argc > 2 ? argv[2] : "standard");
    list_presets();
    return decode("1541815603606036480", "twitter");
}
