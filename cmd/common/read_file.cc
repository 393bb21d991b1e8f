#include "cmd/common/read_file.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>

namespace kr::cmd {

StatusOr<std::string> ReadFile(const std::string& path) {
  std::string text;
  if (path == "-") {
    std::getline(std::cin, text, '\0');
    return text;
  }
  errno = 0;
  std::ifstream file(path);
  std::getline(file, text, '\0');
  // A directory can be opened, and then not read.
  if (!file.is_open() || file.bad()) return NotFound(path + ": " + std::strerror(errno));
  return text;
}

}  // namespace kr::cmd
