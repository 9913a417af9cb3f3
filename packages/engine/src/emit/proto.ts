// The parts of TensorFlow's protocol buffers a function is written in. Field numbers are those of
// tensorflow/core/framework/{node_def,function,op_def,attr_value,tensor,tensor_shape}.proto.
import protobuf from 'protobufjs';

const DEFINITIONS = `
syntax = "proto3";
package tensorflow;
message TensorShapeProto { message Dim { int64 size = 1; } repeated Dim dim = 2; }
message TensorProto {
  int32 dtype = 1; TensorShapeProto tensor_shape = 2; bytes tensor_content = 4;
  repeated float float_val = 5 [packed = true]; repeated int32 int_val = 7 [packed = true];
  repeated bool bool_val = 11 [packed = true];
}
message NameAttrList { string name = 1; }
message AttrValue {
  message ListValue { repeated bytes s = 2; repeated int64 i = 3 [packed = true]; repeated int32 type = 6 [packed = true]; }
  oneof value {
    bytes s = 2; int64 i = 3; float f = 4; bool b = 5; int32 type = 6;
    TensorShapeProto shape = 7; TensorProto tensor = 8; ListValue list = 1; NameAttrList func = 10;
  }
}
message NodeDef { string name = 1; string op = 2; repeated string input = 3; map<string, AttrValue> attr = 5; }
message OpDef {
  message ArgDef { string name = 1; int32 type = 3; }
  string name = 1; repeated ArgDef input_arg = 2; repeated ArgDef output_arg = 3;
  bool is_stateful = 17; repeated string control_output = 20;
}
message FunctionDef {
  OpDef signature = 1; repeated NodeDef node_def = 3; map<string, string> ret = 4;
  map<string, AttrValue> attr = 5; map<string, string> control_ret = 6;
}
`;

const root = protobuf.parse(DEFINITIONS, { keepCase: true }).root;
const FunctionDefType = root.lookupType('tensorflow.FunctionDef');

export interface ShapeProto {
  dim: { size: number }[];
}
export interface TensorProto {
  dtype: number;
  tensor_shape: ShapeProto;
  tensor_content?: Uint8Array;
  float_val?: number[];
  int_val?: number[];
  bool_val?: boolean[];
}
export type AttrValue =
  | { s: Uint8Array }
  | { i: number }
  | { f: number }
  | { b: boolean }
  | { type: number }
  | { shape: ShapeProto }
  | { tensor: TensorProto }
  | { list: { i?: number[]; type?: number[] } }
  | { func: { name: string } };
export interface NodeDef {
  name: string;
  op: string;
  input: string[];
  attr: Record<string, AttrValue>;
}
export interface FunctionDef {
  signature: {
    name: string;
    input_arg: { name: string; type: number }[];
    output_arg: { name: string; type: number }[];
    is_stateful: boolean;
    control_output: string[];
  };
  node_def: NodeDef[];
  ret: Record<string, string>;
  attr: Record<string, AttrValue>;
  control_ret: Record<string, string>;
}

/** Equal definitions give equal bytes. */
export const encodeFunctionDef = (definition: FunctionDef): Uint8Array =>
  FunctionDefType.encode(definition).finish();
