#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/time/time.h"
#include "cmd/kube-remedy/config.h"

namespace kr::cmd {

// Walks over a Config in the form that the file has. Reading, printing and the list of known keys
// are visitors, so that they cannot differ.
class ConfigVisitor {
 public:
  virtual ~ConfigVisitor() = default;
  // A mapping; `fields` visits what is in it.
  virtual void Section(std::string_view key, absl::FunctionRef<void()> fields) = 0;
  virtual void Flag(std::string_view key, bool& value) = 0;
  virtual void Text(std::string_view key, std::string& value) = 0;
  // A list of texts, none of them empty.
  virtual void Texts(std::string_view key, std::vector<std::string>& values) = 0;
  virtual void Choice(std::string_view key, std::string& value,
                      std::span<const std::string_view> allowed) = 0;
  virtual void Count(std::string_view key, size_t& value, size_t min, size_t max) = 0;
  // "16Mi"; Ki, Mi and Gi are known.
  virtual void Bytes(std::string_view key, size_t& value, size_t min) = 0;
  // `otherwise` is what a key means that is not there, if that is not the present value.
  virtual void Duration(std::string_view key, absl::Duration& value, absl::Duration min,
                        std::optional<absl::Duration> otherwise = std::nullopt) = 0;
};

void VisitConfig(ConfigVisitor& visitor, Config& config);

}  // namespace kr::cmd
