// An abstract evaluation: instead of values it computes flows, the places that a value may have
// come from. Selecting a field lengthens the places, a macro variable is every element, and whoever
// looks at a value (an operator, most functions, the result) reads its places whole.
#include "controller/cel/reads.h"

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include "controller/cel/evaluation.h"
#include "controller/cel/function.h"

namespace kr::cel {
namespace {

using document::Depth;
using document::Path;
using document::Step;

struct Place {
  std::string variable;
  std::vector<Step> steps;
};

// Where a value comes from: it is what lies at one of `places`, or was made by the expression and
// holds (as elements or entries) what `content` says.
struct Flow {
  std::vector<Place> places;
  std::shared_ptr<const Flow> content;
};

// More places than this for one value are read whole: nobody writes such expressions on purpose.
constexpr size_t kMaxPlaces = 64;

std::string KeyOf(const std::vector<Step>& steps) {
  std::string key;
  for (const Step& step : steps) {
    key += step.kind == Step::Kind::kEach ? std::string(1, '\1') : "\2" + step.field;
  }
  return key;
}

// Collects what is read and forgets what something else covers.
class Collector {
 public:
  void Add(const Place& place, Depth depth) {
    auto [it, fresh] =
        reads_[place.variable].try_emplace(KeyOf(place.steps), Path{place.steps, depth});
    if (depth == Depth::kValue) it->second.depth = depth;
  }

  std::vector<Read> Finish() const {
    std::vector<Read> all;
    for (const auto& [variable, paths] : reads_) {
      for (const auto& [key, path] : paths) {
        if (!Covered(paths, path)) all.push_back({variable, path});
      }
    }
    return all;
  }

 private:
  using Paths = std::map<std::string, Path>;

  static bool Covered(const Paths& paths, const Path& path) {
    // By a whole subtree that it lies in.
    std::vector<Step> prefix;
    for (const Step& step : path.steps) {
      const auto it = paths.find(KeyOf(prefix));
      if (it != paths.end() && it->second.depth == Depth::kValue) return true;
      prefix.push_back(step);
    }
    // A presence by anything below it: that cannot be kept without it.
    if (path.depth != Depth::kPresence) return false;
    const std::string key = KeyOf(path.steps);
    const auto next = paths.upper_bound(key);
    return next != paths.end() && next->first.compare(0, key.size(), key) == 0 &&
           (next->first[key.size()] == '\1' || next->first[key.size()] == '\2');
  }

  std::map<std::string, Paths> reads_;
};

class Extractor {
 public:
  Extractor(const std::vector<std::string>& variables, size_t locals)
      : variables_(variables), locals_(locals) {}

  std::vector<Read> Run(const Expr& root) {
    Whole(Of(root));
    return collector_.Finish();
  }

 private:
  // The value is looked at in full.
  void Whole(const Flow& flow) {
    for (const Place& place : flow.places) collector_.Add(place, Depth::kValue);
    if (flow.content != nullptr) Whole(*flow.content);
  }
  // It matters whether there is something.
  void Presence(const Flow& flow) {
    for (const Place& place : flow.places) collector_.Add(place, Depth::kPresence);
  }

  Flow Bounded(Flow flow) {
    if (flow.places.size() <= kMaxPlaces) return flow;
    Whole(flow);
    return {};
  }

  Flow Union(Flow a, const Flow& b) {
    std::set<std::string> seen;
    for (const Place& place : a.places) seen.insert(place.variable + KeyOf(place.steps));
    for (const Place& place : b.places) {
      if (seen.insert(place.variable + KeyOf(place.steps)).second) a.places.push_back(place);
    }
    if (a.content == nullptr) {
      a.content = b.content;
    } else if (b.content != nullptr && b.content != a.content) {
      a.content = std::make_shared<const Flow>(Union(*a.content, *b.content));
    }
    return Bounded(std::move(a));
  }

  // One step into a value; of something that the expression made, any of its content.
  Flow Into(const Flow& flow, const Step& step) {
    Flow result;
    for (Place place : flow.places) {
      place.steps.push_back(step);
      result.places.push_back(std::move(place));
    }
    if (flow.content != nullptr) result = Union(std::move(result), *flow.content);
    return result;
  }
  Flow Elements(const Flow& flow) {
    Flow elements = Into(flow, Step::Each());
    Presence(elements);
    return elements;
  }

  static Flow Made(Flow content) {
    Flow flow;
    flow.content = std::make_shared<const Flow>(std::move(content));
    return flow;
  }

  void Look(const Expr& e) { Whole(Of(e)); }

  Flow Of(const Expr& e) {
    switch (e.kind) {
      case Expr::Kind::kLiteral:
        return {};
      case Expr::Kind::kIdent:
        return OfName(e);
      case Expr::Kind::kSelect: {
        Flow field = Into(Of(*e.args[0]), Step::Field(e.name));
        Presence(field);
        return e.test_only ? Flow() : field;
      }
      case Expr::Kind::kIndex:
        return OfIndex(e);
      case Expr::Kind::kAnd:
      case Expr::Kind::kOr:
        for (const ExprPtr& arg : e.args) Look(*arg);
        return {};
      case Expr::Kind::kConditional: {
        Look(*e.args[0]);
        Flow yes = Of(*e.args[1]);
        return Union(std::move(yes), Of(*e.args[2]));
      }
      case Expr::Kind::kCall:
        return OfCall(e);
      case Expr::Kind::kList:
      case Expr::Kind::kMap: {
        Flow content;
        for (size_t i = 0; i < e.args.size(); ++i) {
          if (e.kind == Expr::Kind::kMap && i % 2 == 0) {
            Look(*e.args[i]);  // a key
          } else {
            content = Union(std::move(content), Of(*e.args[i]));
          }
        }
        return Made(std::move(content));
      }
      case Expr::Kind::kMacro:
        return OfMacro(e);
    }
    return {};
  }

  Flow OfName(const Expr& e) {
    if (!e.is_variable) return locals_[static_cast<size_t>(e.slot)];
    const std::string& name = variables_[static_cast<size_t>(e.slot)];
    if (name == kNow) return {};
    Flow flow;
    flow.places.push_back({name, {}});
    Presence(flow);
    return flow;
  }

  Flow OfIndex(const Expr& e) {
    const Flow container = Of(*e.args[0]);
    const Expr& key = *e.args[1];
    if (const std::string* name =
            key.kind == Expr::Kind::kLiteral ? key.literal.AsString() : nullptr) {
      Flow field = Into(container, Step::Field(*name));
      Presence(field);
      return field;
    }
    // A constant number means an element of a list: of all of them the same is read.
    if (key.kind == Expr::Kind::kLiteral) return Elements(container);
    Look(key);
    Whole(container);
    return {};
  }

  // Comparison with null asks only whether something is there.
  bool PresenceComparison(const Expr& e) {
    if (e.name != "_==_" && e.name != "_!=_") return false;
    for (const size_t i : {0, 1}) {
      if (!IsLiteral(*e.args[i], Value::Kind::kNull)) continue;
      Presence(Of(*e.args[1 - i]));
      return true;
    }
    return false;
  }

  Flow OfCall(const Expr& e) {
    if (PresenceComparison(e)) return {};
    if (e.name == "or" || e.name == "orValue") {
      Flow inner = Of(*e.args[0]);
      return Union(std::move(inner), Of(*e.args[1]));
    }
    if (e.args.empty()) return {};
    const Flow first = Of(*e.args[0]);
    for (size_t i = 1; i < e.args.size(); ++i) Look(*e.args[i]);
    switch (e.function->read) {
      case ReadUse::kSame:
        return first;
      case ReadUse::kPresence:
        return {};
      case ReadUse::kElements:
        return Made(Elements(first));
      case ReadUse::kElement:
        return Elements(first);
      case ReadUse::kCount:
        // The size of a list is known with its elements; a map or a string must be there in full.
        if (e.args[0]->is_list) {
          Elements(first);
        } else {
          Whole(first);
        }
        return {};
      case ReadUse::kWhole:
        break;
    }
    Whole(first);
    return {};
  }

  Flow OfMacro(const Expr& e) {
    const Flow range = Of(*e.args[0]);
    const bool iterates =
        e.macro != Macro::kBind && e.macro != Macro::kOptMap && e.macro != Macro::kOptFlatMap;
    const Flow element = iterates ? Elements(range) : range;
    // Of two variables the first is an index or a key, and that there is an element tells it.
    locals_[static_cast<size_t>(e.slot)] = e.second.empty() ? element : Flow();
    if (!e.second.empty()) locals_[static_cast<size_t>(e.second_slot)] = element;
    Flow body;
    for (size_t i = 1; i < e.args.size(); ++i) {
      if (i > 1) Whole(body);
      body = Of(*e.args[i]);
    }
    switch (e.macro) {
      case Macro::kBind:
      case Macro::kOptMap:
      case Macro::kOptFlatMap:
        return body;
      case Macro::kMap:
      case Macro::kMapFilter:
      case Macro::kTransformList:
      case Macro::kTransformMap:
        return Made(std::move(body));
      case Macro::kTransformMapEntry:
        // The entries of the maps that the body makes.
        return Made(Elements(body));
      case Macro::kFilter:
      case Macro::kSortBy:
        Whole(body);
        return Made(element);
      default:
        Whole(body);
        return {};
    }
  }

  const std::vector<std::string>& variables_;
  std::vector<Flow> locals_;
  Collector collector_;
};

}  // namespace

std::vector<Read> ExtractReads(const Expr& root, const std::vector<std::string>& variables,
                               size_t locals) {
  return Extractor(variables, locals).Run(root);
}

}  // namespace kr::cel
