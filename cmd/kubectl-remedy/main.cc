// kubectl-remedy, also `kubectl remedy`: people's side of kube-remedy.

#include <iostream>
#include <optional>
#include <string>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cmd/common/command_line.h"
#include "cmd/common/read_file.h"
#include "cmd/common/version.h"
#include "cmd/kubectl-remedy/eval.h"
#include "controller/base/clock.h"

namespace {

constexpr char kFooter[] = R"(
The expression may use object, target {apiVersion, kind, namespace, name, uid} and now.

Examples:
  kubectl remedy eval '1 + 1'
  kubectl get ds calico-node -n kube-system -o yaml |
    kubectl remedy eval 'object.status.?numberUnavailable.orValue(0) == 0' -f -

Exit status: 0 with the value on standard output, 1 with an error, 2 for a wrong command line.)";

struct Arguments {
  std::string expression;
  std::string file;  // "" = no object
};

int Fail(const kr::Status& status) {
  std::cerr << "error: " << kr::Message(status) << "\n";
  return kr::cmd::kExitFailed;
}

int Eval(const Arguments& arguments) {
  std::optional<nlohmann::json> object;
  if (!arguments.file.empty()) {
    auto text = kr::cmd::ReadFile(arguments.file);
    if (!text.ok()) return Fail(text.status());
    auto parsed = kr::cmd::ParseObject(*text, arguments.file);
    if (!parsed.ok()) return Fail(parsed.status());
    object = *std::move(parsed);
  }
  const auto value =
      kr::cmd::EvaluateExpression(arguments.expression, object, kr::RealClock().Now());
  if (!value.ok()) {
    const int status = Fail(value.status());
    std::cerr << kr::cmd::PointAt(arguments.expression, kr::Message(value.status()));
    return status;
  }
  std::cout << value->dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
  return kr::cmd::kExitOk;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Works with kube-remedy's policies and remediations.", "kubectl-remedy");
  app.set_version_flag("--version", "kubectl-remedy " + std::string(kr::cmd::Version()),
                       "Print the version");
  app.require_subcommand(1);

  Arguments arguments;
  std::string output = "json";
  CLI::App* eval = app.add_subcommand("eval", "Evaluate an expression (CEL) as a policy would");
  eval->add_option("expression", arguments.expression, "The expression")
      ->required()
      ->type_name("EXPR");
  eval->add_option("-f,--filename", arguments.file,
                   "The object, as YAML or JSON; - is standard input")
      ->type_name("FILE");
  eval->add_option("-o,--output", output, "Form of the value")->check(CLI::IsMember({"json"}));
  eval->footer(kFooter);

  if (const auto exit = kr::cmd::ParseArguments(app, argc, argv, std::cout, std::cerr)) {
    return *exit;
  }
  return Eval(arguments);
}
