#pragma once

#include <string>

namespace kr::cmd {

// The name of this machine or pod; "unknown" where it has none.
std::string HostName();

// Names this process and no other, also not its successor in the same pod: the host's name and a
// random part, as client-go does.
std::string NewIdentity();

}  // namespace kr::cmd
