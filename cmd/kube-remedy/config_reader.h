#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <yaml-cpp/yaml.h>

#include "cmd/kube-remedy/config_fields.h"
#include "controller/base/status.h"

namespace kr::cmd {

// Reads a Config out of parsed YAML and notes all that is wrong with it, with its position. `name`
// stands for the file.
class ConfigReader final : public ConfigVisitor {
 public:
  ConfigReader(const YAML::Node& root, std::string_view name);

  void Section(std::string_view key, absl::FunctionRef<void()> fields) override;
  void Flag(std::string_view key, bool& value) override;
  void Text(std::string_view key, std::string& value) override;
  void Texts(std::string_view key, std::vector<std::string>& values) override;
  void Choice(std::string_view key, std::string& value,
              std::span<const std::string_view> allowed) override;
  void Count(std::string_view key, size_t& value, size_t min, size_t max) override;
  void Bytes(std::string_view key, size_t& value, size_t min) override;
  void Duration(std::string_view key, absl::Duration& value, absl::Duration min,
                std::optional<absl::Duration> otherwise) override;

  // After the visit: notes the keys that are in no Config.
  void Finish() { Leave(); }

  // A problem with a key that may or may not be in the file.
  void Add(const std::string& path, std::string_view message);

  bool ok() const { return problems_.empty(); }
  // InvalidArgument with a line for each problem.
  Status ToStatus() const;

 private:
  // A mapping that is being read.
  struct Level {
    std::string path;  // "" for the outermost
    std::map<std::string, YAML::Node> values;
    std::vector<std::string> known;  // keys that were asked for
  };

  std::string PathOf(std::string_view key) const;
  YAML::Mark Where(std::string path) const;
  void AddAt(const YAML::Mark& mark, std::string_view message);
  void Enter(std::string path, const YAML::Node& node);
  void Leave();
  const YAML::Node* Take(std::string_view key);
  const std::string* Scalar(std::string_view key);
  void Refuse(std::string_view key, std::string_view value, std::string_view why);

  const std::string name_;
  std::vector<Level> levels_;
  std::map<std::string, YAML::Mark> marks_;   // of all keys in the file, by path
  std::multimap<int, std::string> problems_;  // by position
};

}  // namespace kr::cmd
