// The variables of one program: TensorFlow resources, shared by all functions that are given their handles.
import { EngineError } from '../errors.ts';
import type { TypedData } from '../graph/graph.ts';
import { convert, createTensor, executeOne, takeTensor, typeAttr, type NativeBinding } from './binding.ts';
import type { VariableDeclaration } from './protocol.ts';

interface Stored {
  readonly declaration: VariableDeclaration;
  readonly handle: number;
  /** Of another program, which gives it back. */
  readonly borrowed?: true;
}

let created = 0;

export class VariableStore {
  private readonly binding: NativeBinding;
  private readonly byName = new Map<string, Stored>();

  /** @param lender whose variables stand for those of the same name; they keep their values */
  constructor(binding: NativeBinding, declarations: readonly VariableDeclaration[], lender?: VariableStore) {
    this.binding = binding;
    for (const declaration of declarations) {
      const { name, shape, storage } = declaration;
      const lent = lender?.byName.get(name);
      if (lent !== undefined) {
        requireSame(declaration, lent.declaration);
        this.byName.set(name, { ...lent, borrowed: true });
        continue;
      }
      const attrs = [
        typeAttr('dtype', storage),
        ['shape', 'shape', shape],
        ['shared_name', 'string', `v${created++}`],
      ] as const;
      this.byName.set(name, { declaration, handle: executeOne(binding, 'VarHandleOp', attrs, []) });
      this.zero(name);
    }
  }

  /** @throws EngineError when the program has no such variable */
  get(name: string): Stored {
    const found = this.byName.get(name);
    if (found === undefined)
      throw new EngineError('the program has no such variable', { code: 'engine/variables', where: name });
    return found;
  }

  /** Its value as a new tensor of the type traced code sees. */
  read(name: string): number {
    const { declaration, handle } = this.get(name);
    const id = executeOne(this.binding, 'ReadVariableOp', [typeAttr('dtype', declaration.storage)], [handle]);
    return convert(this.binding, id, declaration.storage, declaration.dtype);
  }

  /** Takes the tensor over. */
  assign(name: string, id: number): void {
    const { declaration, handle } = this.get(name);
    const stored = convert(this.binding, id, declaration.dtype, declaration.storage);
    this.binding.execute('AssignVariableOp', [typeAttr('dtype', declaration.storage)], [handle, stored], 0);
    this.binding.deleteTensor(stored);
  }

  values(name: string): TypedData {
    return takeTensor(this.binding, this.read(name), this.get(name).declaration.dtype);
  }

  write(name: string, values: TypedData): void {
    const { shape, dtype } = this.get(name).declaration;
    this.assign(name, createTensor(this.binding, shape, dtype, values));
  }

  zero(name: string): void {
    const { shape, dtype } = this.get(name).declaration;
    const size = createTensor(this.binding, [shape.length], 'int32', Int32Array.from(shape));
    const nought = createTensor(this.binding, [], dtype, new Float32Array(1));
    const filled = executeOne(this.binding, 'Fill', [], [size, nought]);
    for (const id of [size, nought]) this.binding.deleteTensor(id);
    this.assign(name, filled);
  }

  dispose(): void {
    for (const { handle, borrowed } of this.byName.values()) {
      if (borrowed) continue;
      this.binding.execute('DestroyResourceOp', [], [handle], 0);
      this.binding.deleteTensor(handle);
    }
    this.byName.clear();
  }
}

/** @throws EngineError when two programs mean different things by one name */
function requireSame(asked: VariableDeclaration, lent: VariableDeclaration): void {
  const told = ({ shape, storage }: VariableDeclaration): string => `${storage} [${shape.join()}]`;
  if (told(asked) === told(lent)) return;
  throw new EngineError('a variable shared by two programs differs between them', {
    code: 'engine/variables',
    where: asked.name,
    expected: told(lent),
    got: told(asked),
  });
}
