#include "cmd/common/command_line.h"

#include <ostream>
#include <string>
#include <string_view>

#include <CLI/CLI.hpp>

#include "controller/kube/config.h"

namespace kr::cmd {

std::optional<int> ParseArguments(CLI::App& app, int argc, const char* const* argv,
                                  std::ostream& out, std::ostream& err) {
  try {
    app.parse(argc, argv);
    return std::nullopt;
  } catch (const CLI::CallForHelp&) {
    out << app.help();  // of the subcommand that was named, if any
    return kExitOk;
  } catch (const CLI::CallForVersion& e) {
    out << e.what() << "\n";
    return kExitOk;
  } catch (const CLI::ParseError& e) {
    // The library only says that a command is required.
    const bool unknown_command =
        app.get_subcommands().empty() && argc > 1 && !std::string_view(argv[1]).starts_with('-');
    err << app.get_name() << ": "
        << (unknown_command ? "there is no command " + std::string(argv[1]) : e.what()) << "\n"
        << "Run " << app.get_name() << " --help for usage.\n";
    return kExitUsage;
  }
}

void AddNamespaceFlag(CLI::App& command, std::string& name_space) {
  command
      .add_option("-n,--namespace", name_space,
                  "Namespace of the target; otherwise that of the kubeconfig's context")
      ->type_name("NAMESPACE");
}

void AddOutputFlag(CLI::App& command, std::string& output) {
  output = "table";
  command.add_option("-o,--output", output, "Form of what is printed: table, json or yaml")
      ->check(CLI::IsMember({"table", "json", "yaml"}))
      ->default_str("table");
}

void AddClusterFlags(CLI::App& command, kube::ConfigFlags& flags) {
  command
      .add_option("--kubeconfig", flags.kubeconfig,
                  "Kubeconfig file; otherwise $KUBECONFIG, the pod's service account, "
                  "~/.kube/config")
      ->type_name("FILE");
  command.add_option("--context", flags.context, "Context of the kubeconfig")->type_name("NAME");
}

}  // namespace kr::cmd
