// Mutation: a patch is applied in the API version in which it was made, and the object is then
// converted back to the API server's internal version.

package admission

import (
	"context"
	"errors"
	"fmt"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/json"
	"k8s.io/apiserver/pkg/admission"

	"k8s-wasm/apiserver/engine"
)

// Admit implements admission.MutationInterface.
func (p *Plugin) Admit(ctx context.Context, attributes admission.Attributes, objects admission.ObjectInterfaces) error {
	invocations, err := p.invocations(engine.Mutation, attributes, objects)
	if err != nil || len(invocations) == 0 {
		return err
	}
	reinvocation := attributes.GetReinvocationContext()
	if reinvocation.IsReinvoke() && !hasChanged(reinvocation, attributes.GetObject()) {
		return nil
	}
	versioned, err := p.mutateEach(ctx, invocations, attributes, objects)
	if err != nil {
		return err
	}
	if versioned.Dirty {
		err = objects.GetObjectConvertor().Convert(versioned.VersionedObject, attributes.GetObject(), nil)
	}
	remember(reinvocation, attributes.GetObject())
	return err
}

// mutateEach evaluates the invocations one after the other, each with the mutations of the previous
// ones.
func (p *Plugin) mutateEach(ctx context.Context, invocations []invocation, attributes admission.Attributes, objects admission.ObjectInterfaces) (*admission.VersionedAttributes, error) {
	versioned, err := admission.NewVersionedAttributes(attributes, invocations[0].Kind, objects)
	if err != nil {
		return nil, internal(err)
	}
	for _, invocation := range invocations {
		if err := admission.ConvertVersionedAttributes(versioned, invocation.Kind, objects); err != nil {
			return nil, internal(err)
		}
		changed, err := p.mutate(ctx, invocation, versioned, objects)
		if err != nil {
			return nil, err
		}
		if changed {
			// Plugins that ran earlier must see the mutated object.
			attributes.GetReinvocationContext().SetShouldReinvoke()
		}
	}
	return versioned, nil
}

// mutate evaluates an invocation and applies the patch of the policies to the versioned object.
func (p *Plugin) mutate(ctx context.Context, invocation invocation, attributes *admission.VersionedAttributes, objects admission.ObjectInterfaces) (changed bool, err error) {
	response, err := p.evaluate(ctx, engine.Mutation, attributes, invocation)
	if err != nil || len(response.Patch) == 0 {
		return false, err
	}
	patched, err := apply(response.Patch, attributes, objects)
	if err != nil {
		return false, internal(fmt.Errorf("admission plugin %q: %w", PluginName, err))
	}
	changed = !apiequality.Semantic.DeepEqual(attributes.VersionedObject, patched)
	attributes.VersionedObject = patched
	attributes.Dirty = true
	return changed, nil
}

// apply returns the patched object, with defaults for fields that the patch leaves out.
func apply(patch []byte, attributes *admission.VersionedAttributes, objects admission.ObjectInterfaces) (runtime.Object, error) {
	if attributes.VersionedObject == nil {
		return nil, errors.New("there is no object to patch in this operation")
	}
	operations, err := jsonpatch.DecodePatch(patch)
	if err != nil {
		return nil, err
	}
	serializer := json.NewSerializerWithOptions(json.DefaultMetaFactory, objects.GetObjectCreater(), objects.GetObjectTyper(), json.SerializerOptions{})
	original, err := runtime.Encode(serializer, attributes.VersionedObject)
	if err != nil {
		return nil, err
	}
	mutated, err := operations.Apply(original)
	if err != nil {
		return nil, err
	}
	into, err := newObject(attributes, objects)
	if err != nil {
		return nil, err
	}
	patched, _, err := serializer.Decode(mutated, nil, into)
	if err != nil {
		return nil, err
	}
	objects.GetObjectDefaulter().Default(patched)
	return patched, nil
}

// newObject creates an empty object of the versioned kind. Custom resources have no Go type.
func newObject(attributes *admission.VersionedAttributes, objects admission.ObjectInterfaces) (runtime.Object, error) {
	if _, custom := attributes.VersionedObject.(*unstructured.Unstructured); custom {
		return &unstructured.Unstructured{}, nil
	}
	return objects.GetObjectCreater().New(attributes.VersionedKind)
}

// hasChanged returns whether another plugin changed the object after this one. The API server
// reinvokes all plugins after a change; as with `reinvocationPolicy: IfNeeded` of webhooks, the
// policies evaluate the object again only if it differs from what they left.
func hasChanged(reinvocation admission.ReinvocationContext, object runtime.Object) bool {
	return !apiequality.Semantic.DeepEqual(reinvocation.Value(PluginName), object)
}

// remember stores a copy of the object for hasChanged.
func remember(reinvocation admission.ReinvocationContext, object runtime.Object) {
	if object != nil {
		object = object.DeepCopyObject()
	}
	reinvocation.SetValue(PluginName, object)
}
