#pragma once

#include <string_view>
#include <utility>

#include "crds/v1alpha1/node_command_fields.h"
#include "crds/v1alpha1/node_task.h"
#include "crds/v1alpha1/remediation_fields.h"

// The JSON form of NodeTask. The bounds are those of the CRD: a test compares them.
namespace kr::crds {

template <>
struct EnumNames<TaskVia> {
  static constexpr std::pair<TaskVia, std::string_view> kNames[] = {{TaskVia::kJob, "Job"},
                                                                    {TaskVia::kAgent, "Agent"}};
};

template <>
struct EnumNames<TaskPhase> {
  static constexpr std::pair<TaskPhase, std::string_view> kNames[] = {
      {TaskPhase::kRunning, "Running"},     {TaskPhase::kRebooting, "Rebooting"},
      {TaskPhase::kSucceeded, "Succeeded"}, {TaskPhase::kFailed, "Failed"},
      {TaskPhase::kRefused, "Refused"},     {TaskPhase::kInterrupted, "Interrupted"}};
};

template <typename V>
void Describe(V& v, Member<V, TaskNode>& x) {
  v.Field("name", x.name, Text(kMaxObjectName).Required());
  v.Field("uid", x.uid, Text(kMaxUid).Required());
  v.Field("systemUUID", x.system_uuid, Text(128));
  v.Field("bootID", x.boot_id, Text(128).Required());
}

template <typename V>
void Describe(V& v, Member<V, TaskRemediation>& x) {
  v.Field("name", x.name, Text(kMaxObjectName).Required());
  v.Field("uid", x.uid, Text(kMaxUid).Required());
}

template <typename V>
void Describe(V& v, Member<V, NodeTaskSpec>& x) {
  v.Field("nodeCommand", x.node_command, Text(kMaxObjectName).Required());
  v.Field("commandDigest", x.command_digest, Text(kHexDigest, 64).Required());
  v.Field("node", x.node, Rules{.required = true});
  v.Field("remediation", x.remediation, Rules{.required = true});
  v.Field("step", x.step, Rules{.required = true});
  v.Field("via", x.via, Rules{.required = true});
  v.Field("commands", x.commands, Items(1, kMaxHostCommands).Required());
  v.Field("reboots", x.reboots);
  v.Field("maxOutputBytes", x.max_output_bytes, Between(1024, 64 * 1024));
  v.Field("notAfter", x.not_after, Rules{.required = true});
}

template <typename V>
void Describe(V& v, Member<V, CommandResult>& x) {
  v.Field("command", x.command, Prose(1024));
  v.Field("startedAt", x.started_at, Rules{.required = true});
  v.Field("finishedAt", x.finished_at);
  v.Field("exitCode", x.exit_code, Between(0, 255));
  v.Field("signal", x.signal, Between(0, 64));
  v.Field("timedOut", x.timed_out);
  v.Field("rolledBack", x.rolled_back);
  v.Field("message", x.message, Prose(1024));
  v.Field("output", x.output, Prose(64 * 1024));
  v.Field("truncated", x.truncated);
}

template <typename V>
void Describe(V& v, Member<V, NodeTaskStatus>& x) {
  v.IgnoreUnknown();
  v.Field("phase", x.phase);
  v.Field("reason", x.reason, Text(kCamelCase, 128));
  v.Field("message", x.message, Prose(1024));
  v.Field("startedAt", x.started_at);
  v.Field("finishedAt", x.finished_at);
  v.Field("bootIDBefore", x.boot_id_before, Text(128));
  v.Field("bootIDAfter", x.boot_id_after, Text(128));
  v.Field("results", x.results, Items(0, kMaxHostCommands));
}

template <typename V>
void Describe(V& v, Member<V, NodeTask>& x) {
  v.Field("metadata", x.metadata);
  v.Field("spec", x.spec, Rules{.required = true});
  v.Field("status", x.status);
}

}  // namespace kr::crds
