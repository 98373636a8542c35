// What stands in the teacher's place in the workshop where the teacher is remote: no weights, and nothing
// that could be asked of it here.
import { assert } from '../errors.ts';
import type { Encoders, TeacherModel } from './models.ts';

function absent(): never {
  assert(false, 'a remote teacher was asked for what only an embedded one can');
}

export const absentTeacher: TeacherModel = {
  pretrain: absent,
  finetune: absent,
  score: absent,
  state: () => ({ weights: new Map(), moments: new Map() }),
  restore: () => {},
  dispose: () => {},
};

export const absentTeacherEncoders: Pick<Encoders, 'teacherScore' | 'teacherCompletion'> = {
  teacherScore: absent,
  teacherCompletion: absent,
};
