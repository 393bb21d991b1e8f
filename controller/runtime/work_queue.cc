#include "controller/runtime/work_queue.h"

namespace kr::runtime {

absl::Duration ExponentialDelay(absl::Duration base, absl::Duration max, int failures) {
  absl::Duration delay = base;
  // Stops at the maximum, so the loop is short however often something failed.
  for (int i = 0; i < failures && delay < max; ++i) delay *= 2;
  return delay < max ? delay : max;
}

}  // namespace kr::runtime
