#include "reconcilers/policy/related.h"

#include <algorithm>
#include <set>
#include <utility>

#include "reconcilers/policy/join_values.h"
#include "reconcilers/policy/params.h"
#include "reconcilers/policy/presets.h"
#include "reconcilers/policy/reads.h"
#include "reconcilers/policy/scope.h"
#include "reconcilers/policy/selector.h"
#include "reconcilers/policy/target_activation.h"

namespace kr::policy {
namespace {

using cache::JoinKind;
using cache::KeySink;
using document::Document;
using document::Path;

constexpr std::string_view kIt = "it";
constexpr std::string_view kOf = "of";
// What gives the same key for all objects when nothing else joins them.
constexpr std::string_view kAnything = "*";

// Takes what an expression gives on one side of a join. An error of the expression gives nothing:
// the object joins nothing, and what reads the join sees it as absent.
using Take = void (*)(const cel::Value&, KeySink&);
constexpr Take kKeys = AddKeys;
constexpr Take kSelectors = AddSelectors;
// An object whose labels cannot be had has none.
void TakeLabels(const cel::Value& value, KeySink& sink) {
  sink.SetLabels(LabelsOf(value));
}
constexpr Take kLabels = TakeLabels;

void Give(const cel::Outcome& outcome, Take take, KeySink& sink) {
  if (outcome.value.ok()) return take(*outcome.value, sink);
  if (take == kLabels) sink.SetLabels({});
}

// Only these are the expression's own; everything else is about what could be read.
bool IsOfExpression(const Status& status) {
  return absl::IsInvalidArgument(status);
}

// What expressions of the start of a join, variables included, read of the target's surroundings.
struct Reach {
  std::set<std::string> joins;
  bool all_joins = false;
  bool events = false;
  bool now = false;
  bool it = false;

  bool static_of_target() const { return joins.empty() && !all_joins; }
};

class JoinCompiler {
 public:
  JoinCompiler(const JoinContext& context, size_t index, const std::string& path)
      : context_(context), spec_(context.specs[index]), path_(path) {
    join_.name = spec_.name;
    join_.gvk = KindOf(spec_);
    join_.name_space = spec_.name_space;
    join_.names = spec_.names;
    join_.selector = spec_.selector;
    join_.max = static_cast<size_t>(spec_.max);
    join_.same_namespace = spec_.same_namespace;
    for (size_t i = 0; i < index; ++i) {
      if (context.before[i].name == spec_.of) join_.of = i;
    }
    start_kind_ = join_.of ? context.before[*join_.of].gvk : context.target;
  }

  StatusOr<RelatedJoin> Run() {
    KR_RETURN_IF_ERROR(CheckStart(spec_, start_kind_, path_));
    KR_RETURN_IF_ERROR(Where());
    if (const std::optional<crds::Related> general = Expand(spec_)) {
      join_.same_namespace = general->same_namespace;
      if (!general->key.empty()) {
        KR_RETURN_IF_ERROR(ByKey(*general));
      } else if (!general->labels.empty()) {
        KR_RETURN_IF_ERROR(BySelector(*general));
      } else {
        ByScope();
      }
    } else {
      Native();
    }
    Canonical();
    return std::move(join_);
  }

 private:
  StatusOr<cel::Program> Compile(const std::string& text, const char* field,
                                 const cel::Scope& scope,
                                 std::optional<cel::Type> type = std::nullopt) {
    auto program = cel::Program::Compile(text, scope, std::move(type));
    if (!program.ok()) return Annotate(program.status(), path_ + "." + field);
    if (program->ReadsVariable("params")) join_.reads_params = true;
    for (const cel::Read& read : program->reads()) {
      if (read.variable == "params") join_.reads.push_back(read);
    }
    return program;
  }

  // --- the related objects' side

  Status Where() {
    if (spec_.selector) join_.key_paths.push_back(FieldPath({"metadata", "labels"}));
    if (spec_.where.empty()) return OkStatus();
    KR_ASSIGN_OR_RETURN(where_,
                        Compile(spec_.where, "where", ItScope(context_.params), cel::Type::Bool()));
    NoteIt(*where_);
    return OkStatus();
  }

  void NoteIt(const cel::Program& program) {
    for (Path& p : PathsOf(program.reads(), kIt)) join_.key_paths.push_back(std::move(p));
  }

  // `key` for the objects that names, selector and where leave.
  cache::KeyFunction Narrowed(cache::KeyFunction key) const {
    return [names = spec_.names, selector = spec_.selector, where = where_, params = params_,
            key = std::move(key)](const Document& it, KeySink& sink) {
      if (!names.empty() && std::find(names.begin(), names.end(), it.name()) == names.end()) return;
      if (selector && !LabelsMatch(*selector, it)) return;
      if (where) {
        const cel::Outcome outcome =
            where->Evaluate(ObjectActivation(kIt, it, params), absl::UnixEpoch());
        if (!outcome.value.ok() || !outcome.value->AsBool() || !*outcome.value->AsBool()) return;
      }
      key(it, sink);
    };
  }

  void SetKey(const cel::Program& program, Take take) {
    NoteIt(program);
    join_.key = Narrowed([program, take, params = params_](const Document& it, KeySink& sink) {
      Give(program.Evaluate(ObjectActivation(kIt, it, params), absl::UnixEpoch()), take, sink);
    });
  }

  // --- the side of what the join starts from

  Reach ReachOf(const std::vector<cel::Read>& reads) const {
    Reach reach;
    Add(reads, reach);
    return reach;
  }
  void Add(const std::vector<cel::Read>& reads, Reach& reach) const {
    for (const cel::Read& read : reads) {
      const std::vector<document::Step>& steps = read.path.steps;
      const bool named = !steps.empty() && steps[0].kind == document::Step::Kind::kField;
      if (read.variable == kIt) reach.it = true;
      if (read.variable == "events") reach.events = true;
      if (read.variable == "now") reach.now = true;
      if (read.variable == "related") {
        if (named) reach.joins.insert(steps[0].field);
        reach.all_joins |= !named;
      }
      if (read.variable != "variables") continue;
      for (const NamedProgram& variable : context_.variables) {
        if (!named || variable.name == steps[0].field) Add(variable.program.reads(), reach);
      }
    }
  }

  Status CheckReach(const Reach& reach, const char* field) const {
    const auto refuse = [&](const std::string& what) {
      return InvalidArgument(path_ + "." + field + ": " + what);
    };
    if (reach.events) return refuse("reads events, and no join depends on those");
    if (reach.now) return refuse("reads now, and no join depends on the time");
    if (reach.all_joins) return refuse("reads all of related, a join reads others by their names");
    for (const std::string& name : reach.joins) {
      const auto& before = context_.before;
      if (std::any_of(before.begin(), before.end(),
                      [&](const RelatedJoin& join) { return join.name == name; })) {
        continue;
      }
      if (name == spec_.name)
        return refuse("reads related." + name + ", which is this join itself");
      return refuse("reads related." + name +
                    ", which is declared after it: a join reads those before it");
    }
    return OkStatus();
  }

  cel::Scope StartScope() const {
    if (join_.of) return OfScope(context_.params);
    cel::Scope scope = context_.scope;
    scope.erase("events");
    scope.erase("now");
    return scope;
  }

  Status SetStart(const cel::Program& program, const char* field, Take take) {
    if (join_.of) {
      join_.of_paths = PathsOf(program.reads(), kOf);
      join_.equals = [program, take, params = params_](const Document& of, KeySink& sink) {
        Give(program.Evaluate(ObjectActivation(kOf, of, params), absl::UnixEpoch()), take, sink);
      };
      return OkStatus();
    }
    for (const cel::Read& read : program.reads()) join_.reads.push_back(read);
    const Reach reach = ReachOf(program.reads());
    KR_RETURN_IF_ERROR(CheckReach(reach, field));
    reads_variables_ = program.ReadsVariable("variables");
    if (reach.static_of_target()) {
      join_.equals = [program, take, params = params_, kind = context_.target,
                      variables = context_.variables](const Document& target, KeySink& sink) {
        Give(program.Evaluate(TargetActivation(kind, target, params, variables), absl::UnixEpoch()),
             take, sink);
      };
      return OkStatus();
    }
    join_.said = [program, take](const cel::Activation& target, KeySink& sink) -> Status {
      const cel::Outcome outcome = program.Evaluate(target, absl::UnixEpoch());
      if (!outcome.value.ok() && !IsOfExpression(outcome.value.status())) {
        return outcome.value.status();
      }
      Give(outcome, take, sink);
      return OkStatus();
    };
    return OkStatus();
  }

  // --- the kinds of joins

  Status ByKey(const crds::Related& general) {
    KR_ASSIGN_OR_RETURN(const cel::Program key,
                        Compile(general.key, "key", ItScope(context_.params)));
    KR_ASSIGN_OR_RETURN(const cel::Program equals, Compile(general.equals, "equals", StartScope()));
    if (general.key == "it.metadata.name") join_.narrow = RelatedJoin::Narrow::kName;
    if (general.key == "it.spec.?nodeName") join_.narrow = RelatedJoin::Narrow::kNodeName;
    SetKey(key, kKeys);
    return SetStart(equals, "equals", kKeys);
  }

  Status BySelector(const crds::Related& general) {
    cel::Scope scope = StartScope();
    scope.merge(ItScope(context_.params));
    KR_ASSIGN_OR_RETURN(const cel::Program labels, Compile(general.labels, "labels", scope));
    KR_ASSIGN_OR_RETURN(const cel::Program selected_by,
                        Compile(general.selected_by, "selectedBy", scope));
    const bool labels_of_it = labels.ReadsVariable(kIt);
    if (labels_of_it == selected_by.ReadsVariable(kIt)) {
      return InvalidArgument(path_ + ": " +
                             (labels_of_it
                                  ? "labels and selectedBy both read the joined object (it)"
                                  : "neither labels nor selectedBy reads the joined object (it)") +
                             ": one of them does, the other one reads what the join starts from");
    }
    const cel::Program& of_it = labels_of_it ? labels : selected_by;
    for (const cel::Read& read : of_it.reads()) {
      if (read.variable == kIt || read.variable == "params") continue;
      return InvalidArgument(path_ + "." + (labels_of_it ? "labels" : "selectedBy") +
                             ": reads it and " + read.variable +
                             ": what belongs to the joined object reads only it and params");
    }
    if (labels_of_it) {
      join_.kind = JoinKind::kRelatedSelected;
      const bool own = general.labels == "it.metadata.labels" ||
                       general.labels == "it.metadata.?labels.orValue({})";
      if (own) join_.narrow = RelatedJoin::Narrow::kLabels;
      SetKey(labels, kLabels);
      return SetStart(selected_by, "selectedBy", kSelectors);
    }
    join_.kind = JoinKind::kTargetsSelected;
    SetKey(selected_by, kSelectors);
    return SetStart(labels, "labels", kLabels);
  }

  // Namespace, names and selector alone.
  void ByScope() {
    const auto anything = [](const Document&, KeySink& sink) { sink.Add(kAnything); };
    join_.key = Narrowed(anything);
    join_.equals = anything;
  }

  void Native() {
    NativeJoin native = MakeNative(spec_, start_kind_);
    join_.same_namespace = spec_.preset == crds::RelatedPreset::kOwnedPods;
    if (spec_.preset == crds::RelatedPreset::kOwnedPods && !join_.of) {
      join_.narrow = RelatedJoin::Narrow::kPodSelector;
    }
    join_.key = Narrowed(std::move(native.key));
    join_.equals = std::move(native.start);
    for (Path& path : native.key_paths) join_.key_paths.push_back(std::move(path));
    for (Path& path : native.start_paths) {
      if (join_.of) {
        join_.of_paths.push_back(std::move(path));
      } else {
        join_.reads.push_back({"object", std::move(path)});
      }
    }
  }

  void Canonical() {
    std::string& text = join_.canonical;
    const auto add = [&text](std::string_view part) { text.append(part).append("\n"); };
    add(start_kind_.ApiVersion() + "/" + start_kind_.kind);
    add(join_.gvk.ApiVersion() + "/" + join_.gvk.kind);
    add(spec_.preset ? crds::ToString(*spec_.preset) : "");
    add(spec_.name_space);
    add(spec_.same_namespace ? "same" : "");
    add(join_.of ? "of" : "");
    add(spec_.selector ? spec_.selector->ToString() : "");
    for (const std::string* part :
         {&spec_.where, &spec_.key, &spec_.equals, &spec_.labels, &spec_.selected_by}) {
      add(*part);
    }
    for (const std::string& name : spec_.names) add(name);
    if (reads_variables_) {
      for (const NamedProgram& variable : context_.variables) {
        add(variable.name + "=" + variable.program.text());
      }
    }
    if (join_.reads_params || reads_variables_) {
      for (const crds::Param& param : context_.params) {
        add(param.name + "=" + param.default_value.text());
      }
    }
  }

  const JoinContext& context_;
  const crds::Related& spec_;
  const std::string& path_;
  kube::GroupVersionKind start_kind_;
  const cel::Value params_ = ParamsValue(context_.params);
  std::optional<cel::Program> where_;
  bool reads_variables_ = false;
  RelatedJoin join_;
};

}  // namespace

StatusOr<RelatedJoin> CompileRelated(const JoinContext& context, size_t index,
                                     const std::string& path) {
  return JoinCompiler(context, index, path).Run();
}

kube::GroupVersionKind KindOf(const crds::Related& spec) {
  if (spec.preset == crds::RelatedPreset::kOwnedPods) return {"", "v1", "Pod"};
  const std::optional<crds::Related> general = Expand(spec);
  const crds::Related& named = general ? *general : spec;
  return kube::GroupVersionKind::FromApiVersion(named.api_version, named.kind);
}

Status CheckMax(const RelatedJoin& join, size_t objects) {
  if (objects <= join.max) return OkStatus();
  return ResourceExhausted("related." + join.name + " has " + std::to_string(objects) +
                           " objects, more than max " + std::to_string(join.max));
}

std::optional<ControllerOf> FindController(const Document& object) {
  const document::Node owners = object.At("metadata.ownerReferences");
  for (size_t i = 0; i < owners.size(); ++i) {
    const document::Node owner = owners.At(i);
    const document::Node controller = owner.Field("controller");
    if (controller.kind() != document::Kind::kBool || !controller.AsBool()) continue;
    return ControllerOf{owner.Field("apiVersion").StringOr(""), owner.Field("kind").StringOr(""),
                        owner.Field("name").StringOr(""), owner.Field("uid").StringOr("")};
  }
  return std::nullopt;
}

std::vector<Path> ControllerPaths() {
  std::vector<Path> paths;
  for (const char* field : {"apiVersion", "controller", "kind", "name", "uid"}) {
    Path path = FieldPath({"metadata", "ownerReferences"});
    path.steps.push_back(document::Step::Each());
    path.steps.push_back(document::Step::Field(field));
    paths.push_back(std::move(path));
  }
  return paths;
}

}  // namespace kr::policy
