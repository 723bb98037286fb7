/* The part of NVML that envsnap asks, for a machine without a GPU: NVML_STUB chooses what it answers. */
#include <stdlib.h>
#include <string.h>

enum { OK = 0, NOT_SUPPORTED = 3, NO_PERMISSION = 4, NOT_FOUND = 6, DRIVER_NOT_LOADED = 9, GPU_LOST = 15 };
typedef struct { unsigned long long total, free, used; } memory;
static int parents[2] = {0, 1}, slice;

static int is(const char *word) {
    const char *chosen = getenv("NVML_STUB");
    return chosen && strstr(chosen, word) != NULL;
}
static int index_of(void *device) { return device == &parents[1]; }

int nvmlInitWithFlags(unsigned flags) { (void)flags; return is("no-driver") ? DRIVER_NOT_LOADED : OK; }
int nvmlInit_v2(void) { return nvmlInitWithFlags(0); }
int nvmlShutdown(void) { return is("lost") ? GPU_LOST : OK; }
const char *nvmlErrorString(int code) { return code == GPU_LOST ? "GPU is lost" : "Driver Not Loaded"; }
int nvmlSystemGetDriverVersion(char *text, unsigned size) { strncpy(text, "550.54.14", size); return OK; }
int nvmlSystemGetCudaDriverVersion_v2(int *version) { *version = 12040; return OK; }
int nvmlDeviceGetCount_v2(unsigned *count) { *count = 2; return OK; }
int nvmlDeviceGetHandleByIndex_v2(unsigned i, void **device) { *device = &parents[i]; return is("lost") ? GPU_LOST : OK; }
int nvmlDeviceGetCudaComputeCapability(void *device, int *major, int *minor) {
    *major = index_of(device) ? 8 : 9;
    *minor = index_of(device) ? 9 : 0;
    return OK;
}
int nvmlDeviceGetName(void *device, char *text, unsigned size) {
    const char *name = device == &slice ? "NVIDIA H100 80GB HBM3 MIG 1g.10gb" : index_of(device) ? "NVIDIA L4" : "NVIDIA H100 80GB HBM3";
    strncpy(text, name, size);
    return OK;
}
int nvmlDeviceGetMemoryInfo(void *device, memory *found) {
    if (is("unified")) return NOT_SUPPORTED;
    found->total = (index_of(device) ? 23034ULL : 81559ULL) << 20;
    return OK;
}
int nvmlDeviceGetMigMode(void *device, unsigned *current, unsigned *pending) {
    if (index_of(device)) return NOT_SUPPORTED;
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
    if (index_of(device)) return NOT_SUPPORTED;
    *current = *pending = 1;
    return OK;
}
