#include "cmd/kube-remedy/config_file.h"

#include <utility>

#include <yaml-cpp/yaml.h>

#include "cmd/common/read_file.h"
#include "cmd/common/yaml_mark.h"
#include "cmd/kube-remedy/byte_count.h"
#include "cmd/kube-remedy/config_reader.h"
#include "crds/meta/duration.h"

namespace kr::cmd {
namespace {

class Printer final : public ConfigVisitor {
 public:
  std::map<std::string, std::string> lines;

  void Section(std::string_view key, absl::FunctionRef<void()> fields) override {
    prefix_ = std::string(key) + ".";
    fields();
    prefix_.clear();
  }
  void Flag(std::string_view key, bool& value) override { Put(key, value ? "true" : "false"); }
  void Text(std::string_view key, std::string& value) override { Put(key, value); }
  void Choice(std::string_view key, std::string& value,
              std::span<const std::string_view>) override {
    Put(key, value);
  }
  void Count(std::string_view key, size_t& value, size_t, size_t) override {
    Put(key, std::to_string(value));
  }
  void Bytes(std::string_view key, size_t& value, size_t) override {
    Put(key, FormatByteCount(value));
  }
  void Texts(std::string_view key, std::vector<std::string>& values) override {
    std::string text;
    for (const std::string& value : values) text.append(text.empty() ? "" : ", ").append(value);
    Put(key, "[" + text + "]");
  }
  void Duration(std::string_view key, absl::Duration& value, absl::Duration,
                std::optional<absl::Duration>) override {
    Put(key, crds::FormatDuration(value));
  }

 private:
  void Put(std::string_view key, std::string value) {
    lines[prefix_ + std::string(key)] = std::move(value);
  }
  std::string prefix_;
};

}  // namespace

StatusOr<Config> ParseConfig(std::string_view text, std::string_view name) {
  try {
    Config config;
    ConfigReader reader(YAML::Load(std::string(text)), name);
    VisitConfig(reader, config);
    reader.Finish();
    // Where values could not be read, what they were to fit to would only confuse.
    if (reader.ok()) {
      for (const ConfigProblem& problem : CheckConfig(config)) {
        reader.Add(problem.path, problem.message);
      }
    }
    KR_RETURN_IF_ERROR(reader.ToStatus());
    return config;
  } catch (const YAML::Exception& e) {
    return InvalidArgument(std::string(name) + ":" + Position(e.mark) + ": " + e.msg);
  }
}

StatusOr<Config> ReadConfigFile(const std::string& path) {
  KR_ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  return ParseConfig(text, path);
}

std::map<std::string, std::string> DescribeConfig(Config config) {
  Printer printer;
  VisitConfig(printer, config);
  return std::move(printer.lines);
}

}  // namespace kr::cmd
