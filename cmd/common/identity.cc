#include "cmd/common/identity.h"

#include <array>
#include <random>

#include <unistd.h>

namespace kr::cmd {

std::string HostName() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0') return "unknown";
  return name.data();
}

std::string NewIdentity() {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::random_device random;
  std::string identity = HostName() + "_";
  for (int i = 0; i < 16; ++i) identity.push_back(kDigits[random() % 16]);
  return identity;
}

}  // namespace kr::cmd
