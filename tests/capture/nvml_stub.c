/* The part of NVML that envsnap asks, for a machine without a GPU.
 *
 * NVML_STUB holds words that choose what it answers:
 *   one, eight              that many GPUs in place of two
 *   unified, closed, plain  no memory of its own; MIG slices that may not be seen; questions that are not supported
 *   no-driver               NVML does not start
 *   lost                    every GPU is lost;  lost-N: GPU N is lost after its name
 *   fail-CALL, hang-CALL    that call answers with "Unknown Error", or never; crash-CALL ends the process
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OK = 0, NOT_SUPPORTED = 3, NO_PERMISSION = 4, NOT_FOUND = 6, DRIVER_NOT_LOADED = 9, GPU_LOST = 15, UNKNOWN = 999 };
typedef struct { unsigned long long total, free, used; } memory;
static int parents[8], slice;

static int is(const char *word) {
    const char *chosen = getenv("NVML_STUB");
    size_t length = strlen(word);
    for (; chosen && (chosen = strstr(chosen, word)); chosen += length)
        if (chosen[length] == '\0' || chosen[length] == ' ') return 1;
    return 0;
}
static int act(const char *call) {
    char word[64];
    snprintf(word, sizeof word, "hang-%s", call);
    while (is(word)) sleep(1);
    snprintf(word, sizeof word, "crash-%s", call);
    if (is(word)) abort();
    snprintf(word, sizeof word, "fail-%s", call);
    return is(word) ? UNKNOWN : OK;
}
static int index_of(void *device) { return device == &slice ? 0 : (int)((int *)device - parents); }
static int is_small(void *device) { return index_of(device) % 2; }
static int ask(const char *call, void *device) {
    char word[32];
    snprintf(word, sizeof word, "lost-%d", index_of(device));
    if (is("lost") || is(word)) return GPU_LOST;
    return is("plain") ? NOT_SUPPORTED : act(call);
}
#define ANSWER(call, device) do { int code = ask(call, device); if (code != OK) return code; } while (0)

int nvmlInitWithFlags(unsigned flags) {
    (void)flags;
    act("init");
    return is("no-driver") ? DRIVER_NOT_LOADED : OK;
}
int nvmlInit_v2(void) { return nvmlInitWithFlags(0); }
int nvmlShutdown(void) { return is("lost") ? GPU_LOST : OK; }
const char *nvmlErrorString(int code) {
    return code == GPU_LOST ? "GPU is lost" : code == UNKNOWN ? "Unknown Error" : "Driver Not Loaded";
}
int nvmlSystemGetDriverVersion(char *text, unsigned size) {
    strncpy(text, "550.54.14", size);
    return act("driver");
}
int nvmlSystemGetCudaDriverVersion_v2(int *version) {
    *version = 12040;
    return act("cuda");
}
int nvmlDeviceGetCount_v2(unsigned *count) {
    *count = is("one") ? 1 : is("eight") ? 8 : 2;
    return act("count");
}
int nvmlDeviceGetHandleByIndex_v2(unsigned i, void **device) {
    *device = &parents[i];
    return is("lost") ? GPU_LOST : act("handle");
}
int nvmlDeviceGetCudaComputeCapability(void *device, int *major, int *minor) {
    *major = is_small(device) ? 8 : 9;
    *minor = is_small(device) ? 9 : 0;
    return act("capability");
}
int nvmlDeviceGetName(void *device, char *text, unsigned size) {
    const char *name = is_small(device) ? "NVIDIA L4" : "NVIDIA H100 80GB HBM3";
    strncpy(text, device == &slice ? "NVIDIA H100 80GB HBM3 MIG 1g.10gb" : name, size);
    return act("name");
}
int nvmlDeviceGetUUID(void *device, char *text, unsigned size) {
    snprintf(text, size, "GPU-0000-%d", index_of(device));
    return OK;
}
int nvmlDeviceGetMemoryInfo(void *device, memory *found) {
    ANSWER("memory", device);
    if (is("unified")) return NOT_SUPPORTED;
    found->total = (is_small(device) ? 23034ULL : 81559ULL) << 20;
    return OK;
}
int nvmlDeviceGetMigMode(void *device, unsigned *current, unsigned *pending) {
    ANSWER("mig", device);
    if (is_small(device)) return NOT_SUPPORTED;
    *current = *pending = 1;
    return OK;
}
int nvmlDeviceGetMaxMigDeviceCount(void *device, unsigned *count) { (void)device; *count = 7; return OK; }
int nvmlDeviceGetMigDeviceHandleByIndex(void *device, unsigned i, void **found) {
    (void)device;
    if (is("closed")) return NO_PERMISSION;
    if (i != 2) return NOT_FOUND;
    *found = &slice;
    return OK;
}
int nvmlDeviceGetEccMode(void *device, unsigned *current, unsigned *pending) {
    ANSWER("ecc", device);
    if (is_small(device)) return NOT_SUPPORTED;
    *current = *pending = 1;
    return OK;
}
int nvmlDeviceGetComputeMode(void *device, int *mode) {
    ANSWER("mode", device);
    *mode = is_small(device) ? 0 : 3;
    return OK;
}
int nvmlDeviceGetEnforcedPowerLimit(void *device, unsigned *milliwatts) {
    ANSWER("power", device);
    *milliwatts = is_small(device) ? 72000 : 699600;
    return OK;
}
int nvmlDeviceGetMaxClockInfo(void *device, int kind, unsigned *mhz) {
    ANSWER("clock", device);
    *mhz = kind == 2 ? 2619 : kind == 1 ? 1980 : 0;
    return OK;
}
int nvmlDeviceGetApplicationsClock(void *device, int kind, unsigned *mhz) {
    ANSWER("application", device);
    if (is_small(device)) return NOT_SUPPORTED;
    *mhz = kind == 2 ? 2619 : 1755;
    return OK;
}
