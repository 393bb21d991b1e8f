#include "reconcilers/agent/execute.h"

#include <algorithm>
#include <utility>

#include "crds/meta/duration.h"
#include "crds/meta/text.h"
#include "reconcilers/agent/file_edit.h"

namespace kr::agent {
namespace {

constexpr size_t kMaxFile = 1024 * 1024;
// A check of a changed file that hangs must not use up all the time there is for it.
constexpr absl::Duration kLongestCheck = absl::Seconds(5);
constexpr std::string_view kCandidate = "$(file)";

std::string Spoken(const std::vector<std::string>& argv) {
  std::string text;
  for (const std::string& argument : argv) {
    if (!text.empty()) text += ' ';
    const bool plain = !argument.empty() && argument.find_first_of(" \t\n'\"") == std::string::npos;
    text += plain ? argument : "'" + argument + "'";
  }
  return text;
}

std::string BaseName(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

// One command of a task.
class Command {
 public:
  Command(const crds::HostCommand& spec, const HostContext& host, BoundedOutput& output,
          std::stop_token stop, std::string backup)
      : spec_(spec),
        host_(host),
        output_(output),
        stop_(std::move(stop)),
        backup_(std::move(backup)),
        deadline_(host.clock.Monotonic() + spec.timeout) {}

  crds::CommandResult Run() {
    result_.started_at = host_.clock.Now();
    if (spec_.edit_file) {
      result_.command = "edit " + spec_.edit_file->path;
      EditFile(*spec_.edit_file);
    } else {
      result_.command = Spoken(spec_.argv);
      Take(Program(spec_.argv, Left()));
    }
    result_.finished_at = host_.clock.Now();
    return std::move(result_);
  }

  bool succeeded() const { return succeeded_; }

 private:
  absl::Duration Left() const {
    return std::max(deadline_ - host_.clock.Monotonic(), absl::Milliseconds(1));
  }

  ProcessEnd Program(const std::vector<std::string>& argv, absl::Duration timeout) {
    return RunProcess(argv, timeout, output_, host_.clock, stop_, host_.killing);
  }

  // The end of the command's only program.
  void Take(const ProcessEnd& end) {
    succeeded_ = end.Succeeded();
    if (end.exit_code) result_.exit_code = *end.exit_code;
    result_.signal = end.signal;
    result_.timed_out = end.timed_out;
    if (!succeeded_) result_.message = end.ToString(spec_.timeout);
  }

  void Fail(std::string message) {
    succeeded_ = false;
    result_.message = std::move(message);
  }

  void EditFile(const crds::EditFile& edit) {
    const StatusOr<std::string> before = host_.files.Read(edit.path, kMaxFile);
    if (!before.ok()) return Fail(std::string(Message(before.status())));
    const StatusOr<std::string> after = EditContent(edit.format, *before, edit.set);
    if (!after.ok()) return Fail(edit.path + ": " + std::string(Message(after.status())));
    if (*after == *before) {
      succeeded_ = true;
      result_.message = "is already so";
      return;
    }
    const StatusOr<std::string> candidate = host_.files.WriteCandidate(edit.path, *after);
    if (!candidate.ok()) return Fail(std::string(Message(candidate.status())));
    if (!Validates(edit, *candidate)) return host_.files.Discard(*candidate);
    Status replaced = host_.files.WriteDurably(backup_, *before, /*fresh=*/false);
    if (replaced.ok()) replaced = host_.files.Promote(*candidate, edit.path);
    if (!replaced.ok()) {
      host_.files.Discard(*candidate);
      return Fail(std::string(Message(replaced)));
    }
    const std::string problem = Use(edit);
    if (problem.empty()) {
      succeeded_ = true;
      result_.message = "the old content is in " + backup_;
      return;
    }
    PutBack(edit, *before, problem);
  }

  bool Validates(const crds::EditFile& edit, const std::string& candidate) {
    if (edit.validate.empty()) return true;
    std::vector<std::string> argv = edit.validate;
    for (std::string& argument : argv) {
      for (size_t at = 0; (at = argument.find(kCandidate, at)) != std::string::npos;) {
        argument.replace(at, kCandidate.size(), candidate);
        at += candidate.size();
      }
    }
    const ProcessEnd end = Program(argv, Left());
    if (!end.Succeeded()) {
      Fail("the new content was refused, nothing is changed: " + argv[0] + " " +
           end.ToString(spec_.timeout));
    }
    return end.Succeeded();
  }

  // Why the file cannot stay; "" when it can.
  std::string Use(const crds::EditFile& edit) {
    if (!edit.reload.empty()) {
      const ProcessEnd end = Program(edit.reload, Left());
      if (!end.Succeeded()) return edit.reload[0] + " " + end.ToString(spec_.timeout);
    }
    if (edit.rollback_unless.empty()) return "";
    std::optional<MonotonicTime> good_since;
    while (host_.clock.Monotonic() < deadline_ && !stop_.stop_requested()) {
      const MonotonicTime began = host_.clock.Monotonic();
      if (Program(edit.rollback_unless, std::min(Left(), kLongestCheck)).Succeeded()) {
        if (!good_since) good_since = began;
        if (host_.clock.Monotonic() - *good_since >= host_.settle) return "";
      } else {
        good_since.reset();
      }
      host_.waiter.Wait(host_.check_interval, stop_);
    }
    return edit.rollback_unless[0] + " did not succeed for " + crds::FormatDuration(host_.settle) +
           " within " + crds::FormatDuration(spec_.timeout);
  }

  void PutBack(const crds::EditFile& edit, const std::string& before, const std::string& problem) {
    if (Status status = host_.files.Replace(edit.path, before); !status.ok()) {
      return Fail(problem + "; and the old content, kept in " + backup_ +
                  ", could not be put back: " + std::string(Message(status)));
    }
    result_.rolled_back = true;
    std::string message = problem + "; the old content was put back";
    if (!edit.reload.empty()) {
      // Time for it there must be, whatever the rest has taken.
      const ProcessEnd end =
          RunProcess(edit.reload, spec_.timeout, output_, host_.clock, {}, host_.killing);
      if (!end.Succeeded())
        message += ", but " + edit.reload[0] + " " + end.ToString(spec_.timeout);
    }
    Fail(std::move(message));
  }

  const crds::HostCommand& spec_;
  const HostContext& host_;
  BoundedOutput& output_;
  const std::stop_token stop_;
  const std::string backup_;
  const MonotonicTime deadline_;
  crds::CommandResult result_;
  bool succeeded_ = false;
};

}  // namespace

Executed ExecuteCommands(
    const std::string& name, const crds::NodeTaskSpec& spec, const HostContext& host,
    std::stop_token stop,
    const std::function<void(const std::vector<crds::CommandResult>&)>& progress) {
  Executed done{.succeeded = true};
  const size_t limit = static_cast<size_t>(spec.max_output_bytes);
  size_t used = 0;
  for (size_t i = 0; i < spec.commands.size(); ++i) {
    const crds::HostCommand& command = spec.commands[i];
    // Later commands get what earlier ones left of the output, but never nothing.
    BoundedOutput output(std::max(limit - std::min(limit, used), limit / 16));
    std::string backup = host.backup_folder + "/" + name + "-" + std::to_string(i);
    if (command.edit_file) backup += "-" + BaseName(command.edit_file->path);
    Command run(command, host, output, stop, std::move(backup));
    crds::CommandResult result = run.Run();
    result.output = output.Text();
    result.truncated = output.truncated();
    used += output.size();
    std::string message = result.command + ": " + result.message;
    done.results.push_back(std::move(result));
    progress(done.results);
    if (run.succeeded()) continue;
    if (done.message.empty()) done.message = crds::Truncate(message, 1024);
    if (command.on_failure == crds::CommandFailure::kContinue && !stop.stop_requested()) continue;
    done.succeeded = false;
    done.message = crds::Truncate(message, 1024);
    return done;
  }
  if (done.message.empty()) {
    done.message = std::to_string(done.results.size()) +
                   (done.results.size() == 1 ? " command was run" : " commands were run");
  }
  return done;
}

}  // namespace kr::agent
