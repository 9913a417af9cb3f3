// TensorFlow's eager C API for Node, as little of it as a program needs: tensors in and out, ops by name, and -
// what tfjs-node's own binding lacks - functions added to a running context. A compiled train step is such a function;
// variables are resource handles, so that functions added later share them.
//
// Compiled by src/install/compileBinding.ts; called by src/child/binding.ts, which has the types. One context a process,
// used from one thread.
#include <node_api.h>

#include <cstring>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "tensorflow/c/c_api.h"
#include "tensorflow/c/eager/c_api.h"

namespace {

TFE_Context* context = nullptr;
std::unordered_map<int32_t, TFE_TensorHandle*> handles;
int32_t next_id = 1;

struct Deleter {
  void operator()(TF_Status* p) const { TF_DeleteStatus(p); }
  void operator()(TF_Tensor* p) const { TF_DeleteTensor(p); }
  void operator()(TFE_Op* p) const { TFE_DeleteOp(p); }
  void operator()(TFE_ContextOptions* p) const { TFE_DeleteContextOptions(p); }
};
template <typename T>
using Owned = std::unique_ptr<T, Deleter>;

// Leaves a pending JavaScript exception; callers return right after.
bool Failed(napi_env env, const Owned<TF_Status>& status, const std::string& where) {
  if (TF_GetCode(status.get()) == TF_OK) return false;
  napi_throw_error(env, nullptr, (where + ": " + TF_Message(status.get())).c_str());
  return true;
}

std::string String(napi_env env, napi_value value) {
  size_t length = 0;
  napi_get_value_string_utf8(env, value, nullptr, 0, &length);
  std::string text(length, '\0');
  napi_get_value_string_utf8(env, value, text.data(), length + 1, &length);
  return text;
}

int64_t Integer(napi_env env, napi_value value) {
  int64_t number = 0;
  napi_get_value_int64(env, value, &number);
  return number;
}

napi_value Number(napi_env env, int64_t number) {
  napi_value value;
  napi_create_int64(env, number, &value);
  return value;
}

std::vector<napi_value> Elements(napi_env env, napi_value array) {
  uint32_t length = 0;
  napi_get_array_length(env, array, &length);
  std::vector<napi_value> elements(length);
  for (uint32_t i = 0; i < length; i++) napi_get_element(env, array, i, &elements[i]);
  return elements;
}

std::vector<int64_t> Integers(napi_env env, napi_value array) {
  std::vector<int64_t> numbers;
  for (napi_value element : Elements(env, array)) numbers.push_back(Integer(env, element));
  return numbers;
}

struct Bytes {
  void* data = nullptr;
  size_t size = 0;
};

Bytes View(napi_env env, napi_value array) {
  napi_typedarray_type type;
  size_t length = 0;
  Bytes bytes;
  napi_get_typedarray_info(env, array, &type, &length, &bytes.data, nullptr, nullptr);
  const size_t width = type == napi_float64_array || type == napi_bigint64_array || type == napi_biguint64_array ? 8
                       : type == napi_float32_array || type == napi_int32_array || type == napi_uint32_array ? 4
                       : type == napi_int16_array || type == napi_uint16_array ? 2
                                                                               : 1;
  bytes.size = length * width;
  return bytes;
}

template <size_t N>
std::vector<napi_value> Arguments(napi_env env, napi_callback_info info) {
  size_t count = N;
  std::vector<napi_value> values(N);
  napi_get_cb_info(env, info, &count, values.data(), nullptr, nullptr);
  return values;
}

TFE_TensorHandle* Handle(napi_env env, napi_value id) {
  const auto found = handles.find(static_cast<int32_t>(Integer(env, id)));
  if (found != handles.end()) return found->second;
  napi_throw_error(env, nullptr, "no tensor has this id");
  return nullptr;
}

napi_value Keep(napi_env env, TFE_TensorHandle* handle) {
  handles[next_id] = handle;
  return Number(env, next_id++);
}

// createTensor(dtype, shape, bytes) -> id
napi_value CreateTensor(napi_env env, napi_callback_info info) {
  const auto args = Arguments<3>(env, info);
  const auto shape = Integers(env, args[1]);
  const Bytes bytes = View(env, args[2]);
  Owned<TF_Status> status(TF_NewStatus());
  Owned<TF_Tensor> tensor(TF_AllocateTensor(static_cast<TF_DataType>(Integer(env, args[0])), shape.data(),
                                            static_cast<int>(shape.size()), bytes.size));
  if (tensor == nullptr || TF_TensorByteSize(tensor.get()) != bytes.size) {
    napi_throw_error(env, nullptr, "createTensor: the data do not fit the shape");
    return nullptr;
  }
  if (bytes.size > 0) std::memcpy(TF_TensorData(tensor.get()), bytes.data, bytes.size);
  TFE_TensorHandle* handle = TFE_NewTensorHandle(tensor.get(), status.get());
  if (Failed(env, status, "createTensor")) return nullptr;
  return Keep(env, handle);
}

// describeTensor(id) -> [dtype, size, …]
napi_value DescribeTensor(napi_env env, napi_callback_info info) {
  TFE_TensorHandle* handle = Handle(env, Arguments<1>(env, info)[0]);
  if (handle == nullptr) return nullptr;
  Owned<TF_Status> status(TF_NewStatus());
  const int rank = TFE_TensorHandleNumDims(handle, status.get());
  if (Failed(env, status, "describeTensor")) return nullptr;
  napi_value numbers;
  napi_create_array_with_length(env, static_cast<size_t>(rank) + 1, &numbers);
  napi_set_element(env, numbers, 0, Number(env, TFE_TensorHandleDataType(handle)));
  for (int i = 0; i < rank; i++) {
    const int64_t size = TFE_TensorHandleDim(handle, i, status.get());
    if (Failed(env, status, "describeTensor")) return nullptr;
    napi_set_element(env, numbers, static_cast<uint32_t>(i) + 1, Number(env, size));
  }
  return numbers;
}

// readTensor(id) -> ArrayBuffer
napi_value ReadTensor(napi_env env, napi_callback_info info) {
  TFE_TensorHandle* handle = Handle(env, Arguments<1>(env, info)[0]);
  if (handle == nullptr) return nullptr;
  Owned<TF_Status> status(TF_NewStatus());
  Owned<TF_Tensor> tensor(TFE_TensorHandleResolve(handle, status.get()));
  if (Failed(env, status, "readTensor")) return nullptr;
  const size_t size = TF_TensorByteSize(tensor.get());
  void* data = nullptr;
  napi_value buffer;
  napi_create_arraybuffer(env, size, &data, &buffer);
  if (size > 0) std::memcpy(data, TF_TensorData(tensor.get()), size);
  return buffer;
}

// deleteTensor(id)
napi_value DeleteTensor(napi_env env, napi_callback_info info) {
  const auto found = handles.find(static_cast<int32_t>(Integer(env, Arguments<1>(env, info)[0])));
  if (found == handles.end()) return nullptr;
  TFE_DeleteTensorHandle(found->second);
  handles.erase(found);
  return nullptr;
}

// attrs: [name, kind, value][]; kinds as in src/child/binding.ts
void SetAttr(napi_env env, TFE_Op* op, napi_value attr, const Owned<TF_Status>& status) {
  const auto parts = Elements(env, attr);
  const std::string name = String(env, parts[0]);
  const std::string kind = String(env, parts[1]);
  napi_value value = parts[2];
  if (kind == "type") {
    TFE_OpSetAttrType(op, name.c_str(), static_cast<TF_DataType>(Integer(env, value)));
  } else if (kind == "types") {
    std::vector<TF_DataType> types;
    for (int64_t type : Integers(env, value)) types.push_back(static_cast<TF_DataType>(type));
    TFE_OpSetAttrTypeList(op, name.c_str(), types.data(), static_cast<int>(types.size()));
  } else if (kind == "int") {
    TFE_OpSetAttrInt(op, name.c_str(), Integer(env, value));
  } else if (kind == "ints") {
    const auto numbers = Integers(env, value);
    TFE_OpSetAttrIntList(op, name.c_str(), numbers.data(), static_cast<int>(numbers.size()));
  } else if (kind == "shape") {
    const auto sizes = Integers(env, value);
    TFE_OpSetAttrShape(op, name.c_str(), sizes.data(), static_cast<int>(sizes.size()), status.get());
  } else if (kind == "float") {
    double number = 0;
    napi_get_value_double(env, value, &number);
    TFE_OpSetAttrFloat(op, name.c_str(), static_cast<float>(number));
  } else if (kind == "bool") {
    bool flag = false;
    napi_get_value_bool(env, value, &flag);
    TFE_OpSetAttrBool(op, name.c_str(), flag ? 1 : 0);
  } else {
    const std::string text = String(env, value);
    TFE_OpSetAttrString(op, name.c_str(), text.data(), text.size());
  }
}

// execute(op or function, attrs, inputs, outputs) -> ids
napi_value Execute(napi_env env, napi_callback_info info) {
  const auto args = Arguments<4>(env, info);
  const std::string name = String(env, args[0]);
  Owned<TF_Status> status(TF_NewStatus());
  Owned<TFE_Op> op(TFE_NewOp(context, name.c_str(), status.get()));
  if (Failed(env, status, name)) return nullptr;
  for (napi_value attr : Elements(env, args[1])) {
    SetAttr(env, op.get(), attr, status);
    if (Failed(env, status, name)) return nullptr;
  }
  for (napi_value input : Elements(env, args[2])) {
    TFE_TensorHandle* handle = Handle(env, input);
    if (handle == nullptr) return nullptr;
    TFE_OpAddInput(op.get(), handle, status.get());
    if (Failed(env, status, name)) return nullptr;
  }
  int count = static_cast<int>(Integer(env, args[3]));
  std::vector<TFE_TensorHandle*> outputs(static_cast<size_t>(count));
  TFE_Execute(op.get(), outputs.data(), &count, status.get());
  if (Failed(env, status, name)) return nullptr;
  napi_value ids;
  napi_create_array_with_length(env, static_cast<size_t>(count), &ids);
  for (int i = 0; i < count; i++) {
    napi_set_element(env, ids, static_cast<uint32_t>(i), Keep(env, outputs[static_cast<size_t>(i)]));
  }
  return ids;
}

// addFunction(bytes of a FunctionDef)
napi_value AddFunction(napi_env env, napi_callback_info info) {
  const Bytes bytes = View(env, Arguments<1>(env, info)[0]);
  Owned<TF_Status> status(TF_NewStatus());
  TFE_ContextAddFunctionDef(context, static_cast<const char*>(bytes.data), bytes.size, status.get());
  Failed(env, status, "addFunction");
  return nullptr;
}

// removeFunction(name)
napi_value RemoveFunction(napi_env env, napi_callback_info info) {
  const std::string name = String(env, Arguments<1>(env, info)[0]);
  Owned<TF_Status> status(TF_NewStatus());
  TFE_ContextRemoveFunction(context, name.c_str(), status.get());
  Failed(env, status, "removeFunction");
  return nullptr;
}

// tensorCount() -> tensors alive
napi_value TensorCount(napi_env env, napi_callback_info) {
  return Number(env, static_cast<int64_t>(handles.size()));
}

// devices() -> names, "/job:localhost/replica:0/task:0/device:CPU:0" and so on
napi_value Devices(napi_env env, napi_callback_info) {
  Owned<TF_Status> status(TF_NewStatus());
  TF_DeviceList* list = TFE_ContextListDevices(context, status.get());
  if (Failed(env, status, "devices")) return nullptr;
  napi_value names;
  napi_create_array(env, &names);
  for (int i = 0; i < TF_DeviceListCount(list); i++) {
    napi_value name;
    napi_create_string_utf8(env, TF_DeviceListName(list, i, status.get()), NAPI_AUTO_LENGTH, &name);
    napi_set_element(env, names, static_cast<uint32_t>(i), name);
  }
  TF_DeleteDeviceList(list);
  return names;
}

napi_value Initialise(napi_env env, napi_value exports) {
  Owned<TF_Status> status(TF_NewStatus());
  Owned<TFE_ContextOptions> options(TFE_NewContextOptions());
  context = TFE_NewContext(options.get(), status.get());
  if (Failed(env, status, "TFE_NewContext")) return nullptr;
  const struct {
    const char* name;
    napi_callback call;
  } functions[] = {{"createTensor", CreateTensor}, {"readTensor", ReadTensor},   {"deleteTensor", DeleteTensor},
                   {"execute", Execute},           {"addFunction", AddFunction}, {"removeFunction", RemoveFunction},
                   {"tensorCount", TensorCount},   {"devices", Devices},
                   {"describeTensor", DescribeTensor}};
  for (const auto& function : functions) {
    napi_value value;
    napi_create_function(env, function.name, NAPI_AUTO_LENGTH, function.call, nullptr, &value);
    napi_set_named_property(env, exports, function.name, value);
  }
  napi_value version;
  napi_create_string_utf8(env, TF_Version(), NAPI_AUTO_LENGTH, &version);
  napi_set_named_property(env, exports, "TF_Version", version);
  return exports;
}

}  // namespace

NAPI_MODULE(likeness_binding, Initialise)
