// `kubectl remedy eval`: see eval.h.
#include <optional>
#include <ostream>
#include <string>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cmd/common/read_file.h"
#include "cmd/kubectl-remedy/command.h"
#include "cmd/kubectl-remedy/eval.h"

namespace kr::cmd {
namespace {

constexpr char kFooter[] = R"(
The expression may use object, target {apiVersion, kind, namespace, name, uid} and now.

Examples:
  kubectl remedy eval '1 + 1'
  kubectl get ds calico-node -n kube-system -o yaml |
    kubectl remedy eval 'object.status.?numberUnavailable.orValue(0) == 0' -f -

Exit status: 0 with the value on standard output, 1 with an error, 2 for a wrong command line.)";

class EvalCommand final : public Command {
 public:
  CLI::App& Declare(CLI::App& app) override {
    CLI::App* command =
        app.add_subcommand("eval", "Evaluate an expression (CEL) as a policy would");
    command->add_option("expression", expression_, "The expression")->required()->type_name("EXPR");
    command->add_option("-f,--filename", file_, "The object, as YAML or JSON; - is standard input")
        ->type_name("FILE");
    command->add_option("-o,--output", output_, "Form of the value")
        ->check(CLI::IsMember({"json", "yaml"}));
    command->footer(kFooter);
    return *command;
  }

  Status Run(Console& console) override {
    std::optional<nlohmann::json> object;
    if (!file_.empty()) {
      KR_ASSIGN_OR_RETURN(const std::string text, ReadFile(file_));
      KR_ASSIGN_OR_RETURN(object, ParseObject(text, file_));
    }
    const auto value = EvaluateExpression(expression_, object, console.clock.Now());
    if (!value.ok()) {
      const std::string place = PointAt(expression_, Message(value.status()));
      if (place.empty()) return value.status();
      return InvalidArgument(std::string(Message(value.status())) + "\n" +
                             place.substr(0, place.size() - 1));
    }
    Print(console, output_, *value, "");
    return OkStatus();
  }

 private:
  std::string expression_;
  std::string file_;  // "" = no object
  std::string output_ = "json";
};

}  // namespace

std::unique_ptr<Command> MakeEvalCommand() {
  return std::make_unique<EvalCommand>();
}

}  // namespace kr::cmd
