// Policies that change objects: patches are applied in the version that policies see and taken back to the API
// server's own.

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
	forms, err := p.forms(engine.Mutation, attributes, objects)
	if err != nil || len(forms) == 0 {
		return err
	}
	round := attributes.GetReinvocationContext()
	if round.IsReinvoke() && !changedSince(round, attributes.GetObject()) {
		return nil
	}
	versioned, err := p.mutateForms(ctx, forms, attributes, objects)
	if err != nil {
		return err
	}
	if versioned.Dirty {
		err = objects.GetObjectConvertor().Convert(versioned.VersionedObject, attributes.GetObject(), nil)
	}
	remember(round, attributes.GetObject())
	return err
}

// mutateForms shows the request in one form after the other, each with the changes that were made so far.
func (p *Plugin) mutateForms(ctx context.Context, forms []form, attributes admission.Attributes, objects admission.ObjectInterfaces) (*admission.VersionedAttributes, error) {
	versioned, err := admission.NewVersionedAttributes(attributes, forms[0].Kind, objects)
	if err != nil {
		return nil, internal(err)
	}
	for _, form := range forms {
		if err := admission.ConvertVersionedAttributes(versioned, form.Kind, objects); err != nil {
			return nil, internal(err)
		}
		changed, err := p.mutate(ctx, form, versioned, objects)
		if err != nil {
			return nil, err
		}
		if changed {
			// The plugins before us have to see what we made of the object.
			attributes.GetReinvocationContext().SetShouldReinvoke()
		}
	}
	return versioned, nil
}

// mutate asks, and changes the versioned object when the policies say so.
func (p *Plugin) mutate(ctx context.Context, form form, attributes *admission.VersionedAttributes, objects admission.ObjectInterfaces) (changed bool, err error) {
	response, err := p.ask(ctx, engine.Mutation, attributes, form)
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

// apply returns the object as the patch makes it, with defaults for what the patch leaves out.
func apply(patch []byte, attributes *admission.VersionedAttributes, objects admission.ObjectInterfaces) (runtime.Object, error) {
	if attributes.VersionedObject == nil {
		return nil, errors.New("there is no object to change on this operation")
	}
	operations, err := jsonpatch.DecodePatch(patch)
	if err != nil {
		return nil, err
	}
	serializer := json.NewSerializerWithOptions(json.DefaultMetaFactory, objects.GetObjectCreater(), objects.GetObjectTyper(), json.SerializerOptions{})
	before, err := runtime.Encode(serializer, attributes.VersionedObject)
	if err != nil {
		return nil, err
	}
	after, err := operations.Apply(before)
	if err != nil {
		return nil, err
	}
	into, err := empty(attributes, objects)
	if err != nil {
		return nil, err
	}
	patched, _, err := serializer.Decode(after, nil, into)
	if err != nil {
		return nil, err
	}
	objects.GetObjectDefaulter().Default(patched)
	return patched, nil
}

// empty is an object of the versioned kind. Custom resources have no Go type.
func empty(attributes *admission.VersionedAttributes, objects admission.ObjectInterfaces) (runtime.Object, error) {
	if _, custom := attributes.VersionedObject.(*unstructured.Unstructured); custom {
		return &unstructured.Unstructured{}, nil
	}
	return objects.GetObjectCreater().New(attributes.VersionedKind)
}

// changedSince says whether another plugin changed the object after our last round. The chain runs a second time when
// somebody changed something; policies are then asked again only if there is something new to see, as with
// `reinvocationPolicy: IfNeeded` of webhooks.
func changedSince(round admission.ReinvocationContext, object runtime.Object) bool {
	return !apiequality.Semantic.DeepEqual(round.Value(PluginName), object)
}

// remember keeps the object as we left it.
func remember(round admission.ReinvocationContext, object runtime.Object) {
	if object != nil {
		object = object.DeepCopyObject()
	}
	round.SetValue(PluginName, object)
}
