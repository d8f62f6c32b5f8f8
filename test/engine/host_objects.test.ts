import test from 'ava';
import { HostObject, HostObjects } from '../../src/engine/host_objects.ts';

function objectsOf(limit: number): { objects: HostObjects; evicted: string[]; use(name: string): HostObject } {
  const evicted: string[] = [];
  const objects = new HostObjects(limit, (object) => evicted.push(object.name));
  return {
    objects,
    evicted,
    use: (name) => {
      const found = objects.find(name);
      if (found !== undefined) {
        objects.lease(found);
        return found;
      }
      const made = new HostObject(name);
      made.handle = 1;
      made.leases = 1;
      objects.add(made);
      return made;
    },
  };
}

test('what was used longest ago makes room', (t) => {
  const { objects, evicted, use } = objectsOf(3);
  for (const name of ['a', 'b', 'c', 'a', 'd']) objects.giveBack(use(name));
  t.deepEqual(evicted, ['b']);
  objects.giveBack(use('e'));
  t.deepEqual(evicted, ['b', 'c']);
  t.is(objects.size, 3);
  t.is(objects.find('b'), undefined);
});

test('what is in use stays, past the bound if need be, and leaves when it is given back', (t) => {
  const { objects, evicted, use } = objectsOf(2);
  const held = ['a', 'b', 'c', 'd'].map(use);
  t.is(objects.size, 4);
  t.deepEqual(evicted, []);
  objects.giveBack(held[1] as HostObject);
  t.deepEqual(evicted, ['b']);
  objects.giveBack(held[3] as HostObject);
  t.deepEqual(evicted, ['b', 'd']);
  objects.giveBack(held[0] as HostObject);
  objects.giveBack(held[2] as HostObject);
  t.deepEqual(evicted, ['b', 'd']);
  t.is(objects.size, 2);
});

test('what is in use twice stays until it is given back twice', (t) => {
  const { objects, evicted, use } = objectsOf(1);
  const held = use('a');
  use('a');
  const other = use('b');
  objects.giveBack(held);
  t.deepEqual(evicted, []);
  objects.giveBack(held);
  t.deepEqual(evicted, ['a']);
  objects.giveBack(other);
  t.deepEqual(evicted, ['a']);
});

test('what is dropped is not found, and ends with its last user', (t) => {
  const { objects, evicted, use } = objectsOf(5);
  const held = use('a');
  objects.drop(held);
  objects.drop(held);
  t.is(objects.find('a'), undefined);
  t.is(objects.size, 0);
  const anew = use('a');
  t.not(anew, held);
  t.deepEqual(evicted, []);
  objects.giveBack(held);
  t.deepEqual(evicted, ['a']);
});

test('what the instance does not know any more is not destroyed there', (t) => {
  const { objects, evicted, use } = objectsOf(5);
  const held = use('a');
  held.handle = 0;
  objects.drop(held);
  objects.giveBack(held);
  t.deepEqual(evicted, []);
});
