#include "cmd/common/version.h"

namespace kr::cmd {

std::string_view Version() {
  return KR_VERSION;
}

}  // namespace kr::cmd
